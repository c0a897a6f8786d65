# bash completion for plyroot. Source it, or install it as bash-completion's completions/plyroot.

# The names of the configurations, system-wide and the user's own.
_plyroot_configurations() {
  local file
  for file in /etc/mock/*.cfg "${HOME}"/.config/mock/*.cfg; do
    [[ -e ${file} ]] || continue
    file=${file##*/}
    # compgen -W would expand any other characters.
    [[ ${file} == @(site-defaults|chroot-aliases).cfg || ${file} == *[!A-Za-z0-9_.+-]* ]] || printf '%s\n' "${file%.cfg}"
  done
}

# The snapshots of the configuration that the command line names so far.
_plyroot_snapshots() {
  local -a selection=()
  local i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case ${COMP_WORDS[i]} in
      -r | --root | --configdir) selection+=("${COMP_WORDS[i]}" "${COMP_WORDS[i + 1]}") ;;
    esac
  done
  plyroot "${selection[@]}" --list-snapshots 2>/dev/null | cut -c 3-
}

_plyroot() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
  # "--option=value" comes as three words.
  if [[ ${current} == = ]]; then
    current=''
  elif [[ ${previous} == = ]]; then
    previous=${COMP_WORDS[COMP_CWORD - 2]}
  fi

  local commands='--init --clean --scrub --mount --umount --print-root-path --orphanskill --fsck
    --snapshot --rollback-to --list-snapshots --remove-snapshot
    --shell --chroot --copyin --copyout
    --install --update --remove --installdeps --pm-cmd --dnf-cmd --yum-cmd --rebuild --buildsrpm
    --list-chroots --debug-config --debug-config-expanded --version --help'
  local options='--root --configdir --config-opts --plugin-option --enable-plugin --disable-plugin
    --rootdir --resultdir --uniqueext --arch --forcearch --bootstrap-chroot --no-bootstrap-chroot
    --dnf --yum --addrepo --enablerepo --disablerepo --offline
    --define --macro-file --with --without --nocheck --target --rpmbuild-opts --rpmbuild_timeout
    --additional-package --postinstall --cleanup-after --no-cleanup-after
    --spec --sources --symlink-dereference
    --no-clean --isolation --enable-network --unpriv --cwd --wait --repair --json
    --verbose --quiet --trace
    -p -l -i -h -r -a -D -n -N -v -q'

  COMPREPLY=()
  case ${previous} in
    -r | --root)
      mapfile -t COMPREPLY < <(compgen -W "$(_plyroot_configurations)" -- "${current}"
        compgen -f -X '!*.cfg' -- "${current}")
      return ;;
    --scrub | scrub)
      mapfile -t COMPREPLY < <(compgen -W 'all chroot bootstrap cache root-cache c-cache yum-cache dnf-cache lvm overlayfs' -- "${current}")
      return ;;
    --isolation)
      mapfile -t COMPREPLY < <(compgen -W 'auto simple' -- "${current}")
      return ;;
    --macro-file | --spec | --sources)
      mapfile -t COMPREPLY < <(compgen -f -- "${current}")
      return ;;
    --configdir | --rootdir | --resultdir)
      mapfile -t COMPREPLY < <(compgen -d -- "${current}")
      return ;;
    --rollback-to | --remove-snapshot | rollback-to | remove-snapshot)
      mapfile -t COMPREPLY < <(compgen -W "$(_plyroot_snapshots)" -- "${current}")
      return ;;
  esac

  if [[ ${current} == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "${commands} ${options}" -- "${current}")
  elif ((COMP_CWORD == 1)); then
    mapfile -t COMPREPLY < <(compgen -W "${commands//--/}" -- "${current}"; compgen -f -- "${current}")
  fi
}

complete -o default -F _plyroot plyroot
