# Sourced by the scripts of the folders here: have PROGRAM, and second_readers.

have() { command -v "$1" >/dev/null 2>&1; }

have_all() {
	/usr/bin/python3 -c 'import openpyxl' 2>/dev/null || return 1
	for program; do have "$program" || return 1; done
}

# second_readers "PROGRAM ..." "PACKAGE ..." sees to openpyxl and the programs: what is
# missing is installed where this runs as root on Debian, or asked for.
second_readers() {
	if have_all $1; then return; fi
	if [ "$(id -u)" = 0 ]; then
		apt-get update -qq
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $2 >/dev/null
	fi
	have_all $1 || {
		echo "the second readers are missing; install these packages of Debian first: $2" >&2
		exit 1
	}
}
