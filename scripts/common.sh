# Sourced by the entry scripts, POSIX sh: what they say, and what they have in common.
# shellcheck shell=sh

say() { printf '== %s\n' "$*"; }

# fail WHAT [WHAT TO DO]
fail() {
  printf 'ERROR: %s\n' "$1" >&2
  if [ $# -gt 1 ]; then printf '       %s\n' "$2" >&2; fi
  exit 1
}

require_root() {
  [ "$(id -u)" = 0 ] || fail "$1 has to be run as root: plyroot mounts file systems" "sudo $1"
}

# Tools of the distribution before any that a user has put in front of them (a second Python, a compiler).
use_tools_of_the_distribution() {
  PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH
  export PATH
  unset PYTHONPATH PYTHONHOME CC CXX CFLAGS CXXFLAGS LDFLAGS
}

# print_usage SCRIPT: the comment that it begins with
print_usage() { sed -n '2,/^set -eu/{/^set -eu/d; s/^# \{0,1\}//p;}' "$1"; }

# build PRESET DIRECTORY [TARGET...]: configures where that is needed, and builds
build() (
  preset=$1
  directory=$2
  shift 2
  configure_options=
  # Fedora has no SQLite to link statically.
  if [ -z "$(find /usr/lib /usr/lib64 -name libsqlite3.a -print -quit 2>/dev/null)" ]; then
    configure_options=-DPLYROOT_STATIC_LIBRARIES=OFF
  fi
  mkdir -p "$directory"
  cmake --preset "$preset" ${configure_options:+"$configure_options"} >"$directory/configure.log" 2>&1 || {
    cat "$directory/configure.log"
    fail "cmake cannot configure the preset $preset" "A build directory of another checkout or compiler? rm -r $directory"
  }
  cmake --build "$directory" --parallel "$(nproc)" ${1:+--target "$@"}
)

# run_quietly TITLE LOG COMMAND...: one line, with how long it took; what the command says is shown where it fails
run_quietly() (
  title=$1
  log=$2
  shift 2
  printf '%-56s' "$title (see $log) ..."
  begin=$(date +%s)
  if "$@" >"$log" 2>&1 </dev/null; then
    printf ' %4s s\n' $(($(date +%s) - begin))
  else
    printf ' failed\n'
    tail -n 60 "$log"
    fail "failed: $title" "All that it said is in $log"
  fi
)

# The test distribution is made of Debian's packages; elsewhere the host's own distribution serves.
makes_test_distribution() { command -v apt-get >/dev/null; }

# prepare INSTALL TARGET [GROUP...]: packages (unless INSTALL is "no"), a build of TARGET, and the test distribution;
# sets PLYROOT_RPM_DISTRO
prepare() {
  install=$1
  target=$2
  shift 2
  mkdir -p build
  if [ "$install" = yes ]; then
    run_quietly "installing what is missing" build/install.log scripts/install-dependencies build run distro "$@"
  fi
  run_quietly "building" build/build.log build release build "$target"
  if makes_test_distribution; then
    run_quietly "making the RPM distribution" build/rpm-distro.log scripts/make-rpm-distro
    PLYROOT_RPM_DISTRO=$(scripts/make-rpm-distro --print-path)
    export PLYROOT_RPM_DISTRO
  fi
}
