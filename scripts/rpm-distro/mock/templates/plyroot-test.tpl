config_opts['root'] = 'plyroot-test-{{ target_arch }}'
config_opts['description'] = 'plyroot test distribution {{ releasever }}'
config_opts['dist'] = 'plyroot{{ releasever }}'
config_opts['releasever'] = '12'
config_opts['chroot_setup_cmd'] = 'install @buildsys-build'
config_opts['package_manager'] = 'dnf4'

# There is no image and no dnf of this distribution's own to bootstrap with.
config_opts['use_bootstrap'] = False

# A snapshot after init does what the root cache would do.
config_opts['plugin_conf']['overlayfs_enable'] = True
config_opts['plugin_conf']['root_cache_enable'] = False

config_opts['dnf.conf'] = """
[main]
reposdir=/dev/null
gpgcheck=0
assumeyes=1
best=1
install_weak_deps=0
metadata_expire=0
obsoletes=1
protected_packages=

[base]
name=plyroot test distribution {{ releasever }}
baseurl=@BASE_URL@
skip_if_unavailable=False

[updates]
name=plyroot test distribution {{ releasever }}: updates
baseurl=@UPDATES_URL@
enabled=0
skip_if_unavailable=False
"""
