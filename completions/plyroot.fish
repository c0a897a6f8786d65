# fish completion for plyroot. Install it in a directory of $fish_complete_path.

function __plyroot_configurations
    for file in /etc/mock/*.cfg ~/.config/mock/*.cfg
        set -l name (basename $file .cfg)
        contains $name site-defaults chroot-aliases; or echo $name
    end
end

# The snapshots of the configuration that the command line names so far.
function __plyroot_snapshots
    set -l words (commandline -opc)
    set -l selection
    for i in (seq 2 (count $words))
        if contains -- $words[$i] -r --root --configdir; and test $i -lt (count $words)
            set selection $selection $words[$i] $words[(math $i + 1)]
        end
    end
    plyroot $selection --list-snapshots 2>/dev/null | string sub -s 3
end

function __plyroot_wants_snapshot
    set -l words (commandline -opc)
    contains -- $words[-1] --rollback-to --remove-snapshot rollback-to remove-snapshot
end

complete -c plyroot -n __plyroot_wants_snapshot -f -a '(__plyroot_snapshots)'

complete -c plyroot -l init -d 'make the root anew'
complete -c plyroot -l clean -d 'drop what was done since the current snapshot'
complete -c plyroot -l scrub -x -a 'all chroot bootstrap cache root-cache c-cache yum-cache dnf-cache lvm overlayfs' -d 'remove for good'
complete -c plyroot -l mount -d 'make the root visible on the host'
complete -c plyroot -l umount -d 'end what --mount did'
complete -c plyroot -s p -l print-root-path -d 'print where the root is on the host'
complete -c plyroot -l orphanskill -d 'end every process that uses the root'
complete -c plyroot -l fsck -d 'look whether all that is kept is well'
complete -c plyroot -l repair -d 'mend what needs no guessing'
complete -c plyroot -l json -d 'print what was found as JSON'
complete -c plyroot -l snapshot -d 'keep the root as it is now'
complete -c plyroot -l rollback-to -d 'put the root back to a snapshot'
complete -c plyroot -s l -l list-snapshots -d 'print the names of the snapshots'
complete -c plyroot -l remove-snapshot -d 'remove a snapshot'
complete -c plyroot -l shell -d 'run an interactive shell in the root'
complete -c plyroot -l chroot -d 'run a program in the root'
complete -c plyroot -l copyin -d 'copy from the host into the root'
complete -c plyroot -l copyout -d 'copy from the root to the host'
complete -c plyroot -l unpriv -d 'run as the unprivileged build user'
complete -c plyroot -l cwd -x -d 'run in this directory of the root'
complete -c plyroot -s i -l install -d 'install packages'
complete -c plyroot -l update -d 'update packages'
complete -c plyroot -l remove -d 'remove packages'
complete -c plyroot -l installdeps -d 'install build dependencies'
complete -c plyroot -l pm-cmd -d 'run the configuration\'s package manager on the root'
complete -c plyroot -l dnf-cmd -d 'run dnf on the root'
complete -c plyroot -l yum-cmd -d 'run yum on the root'
complete -c plyroot -l dnf -d 'use dnf'
complete -c plyroot -l yum -d 'use yum'
complete -c plyroot -s a -l addrepo -x -d 'use this repository too'
complete -c plyroot -l enablerepo -x -d 'use this repository'
complete -c plyroot -l disablerepo -x -d 'leave out this repository'
complete -c plyroot -l offline -d 'do with what is cached'
complete -c plyroot -l rebuild -d 'build source packages'
complete -c plyroot -l buildsrpm -d 'make a source package of a spec file'
complete -c plyroot -l spec -r -d 'the spec file'
complete -c plyroot -l sources -r -d 'a file or directory of sources'
complete -c plyroot -l symlink-dereference -d 'follow links among the sources'
complete -c plyroot -s D -l define -x -d 'define an RPM macro'
complete -c plyroot -l macro-file -r -d 'take RPM macros from a file'
complete -c plyroot -l with -x -d 'build with a conditional on'
complete -c plyroot -l without -x -d 'build with a conditional off'
complete -c plyroot -l nocheck -d 'leave out %check'
complete -c plyroot -l target -x -d 'the architecture to build for'
complete -c plyroot -l rpmbuild-opts -x -d 'more options for rpmbuild'
complete -c plyroot -l rpmbuild_timeout -x -d 'give up on a build that takes longer'
complete -c plyroot -l additional-package -x -d 'install a package before the build'
complete -c plyroot -l postinstall -d 'install what was built'
complete -c plyroot -l cleanup-after -d 'clean the root after the build'
complete -c plyroot -s N -l no-cleanup-after -d 'leave the root as the build left it'
complete -c plyroot -s n -l no-clean -d 'keep what is in the root'
complete -c plyroot -l list-chroots -d 'print the configurations'
complete -c plyroot -l debug-config -d 'print the settings'
complete -c plyroot -l debug-config-expanded -d 'print the settings, expanded'
complete -c plyroot -l version -d 'print the version'
complete -c plyroot -s h -l help -d 'print a summary of the options'
complete -c plyroot -s r -l root -x -a '(__plyroot_configurations)' -d 'the configuration'
complete -c plyroot -l configdir -x -a '(__fish_complete_directories)' -d 'where configurations are'
complete -c plyroot -l config-opts -x -d 'override a setting'
complete -c plyroot -l plugin-option -x -d 'override a setting of a plugin'
complete -c plyroot -l enable-plugin -x -d 'turn a plugin on'
complete -c plyroot -l disable-plugin -x -d 'turn a plugin off'
complete -c plyroot -l rootdir -x -a '(__fish_complete_directories)' -d 'where the root is to be'
complete -c plyroot -l resultdir -x -a '(__fish_complete_directories)' -d 'where logs and packages go'
complete -c plyroot -l uniqueext -x -d 'work on a root of its own'
complete -c plyroot -l arch -x -d 'the architecture that programs see'
complete -c plyroot -l forcearch -x -d 'a foreign architecture for dnf'
complete -c plyroot -l bootstrap-chroot -d 'ask for a bootstrap root'
complete -c plyroot -l no-bootstrap-chroot -d 'ask for no bootstrap root'
complete -c plyroot -l isolation -x -a 'auto simple' -d 'how the root is kept apart'
complete -c plyroot -l enable-network -d 'give the root a network'
complete -c plyroot -l wait -d 'return when what was dropped is off the disk'
complete -c plyroot -s v -l verbose -d 'say more'
complete -c plyroot -s q -l quiet -d 'say only warnings and errors'
complete -c plyroot -l trace -d 'say what is done inside'
