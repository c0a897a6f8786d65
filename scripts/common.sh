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

# build PRESET DIRECTORY [TARGET...]: configures where that is needed, and builds
build() {
  preset=$1
  directory=$2
  shift 2
  configure_options=
  # Fedora has no SQLite to link statically.
  if [ -z "$(find /usr/lib /usr/lib64 -name libsqlite3.a -print -quit 2>/dev/null)" ]; then
    configure_options=-DPLYROOT_STATIC_LIBRARIES=OFF
  fi
  cmake --preset "$preset" ${configure_options:+"$configure_options"} >"$directory.configure.log" 2>&1 || {
    cat "$directory.configure.log"
    fail "cmake cannot configure the preset $preset" "A build directory of another checkout or compiler? rm -r $directory"
  }
  cmake --build "$directory" --parallel "$(nproc)" ${1:+--target "$@"}
}
