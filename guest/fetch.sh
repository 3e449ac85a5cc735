# SPDX-License-Identifier: BSD-2-Clause
# Get one stock Debian kernel into the cache; guest/fetch.c runs this with bash.
#
#   fetch.sh DIRECTORY NAME SUITE DEB-ARCHITECTURE PACKAGE
#   fetch.sh --mirror		print the Debian mirrors that would be asked, and do nothing
#
# The mirrors are those of KVMTAPE_MIRROR (addresses, separated by blanks, asked one after the other) or of this machine's
# apt configuration. A download that was cut off goes on where it ended.
#
# DIRECTORY is the guest part of the cache.  apt works on a state of its own in DIRECTORY/apt, so the machine's own
# apt configuration stays as it is, and no privileges are needed.  The last line on standard output is the release.
set -euo pipefail

mirrors() {
	local found
	if [ -n "${KVMTAPE_MIRROR-}" ]; then
		tr -s ' ' '\n' <<<"$KVMTAPE_MIRROR" | grep .
		return
	fi
	# What apt fetched lists from knows its origin; before the first update, the address must tell.
	found=$(apt-get indextargets --format '$(ORIGIN) $(LABEL) $(REPO_URI)' 2>/dev/null | sed -n 's/^Debian Debian //p' | sort -u)
	[ -n "$found" ] || found=$(apt-get indextargets --format '$(REPO_URI)' 2>/dev/null | grep -E '/debian/?$' | sort -u) || :
	[ -n "$found" ] || {
		echo "no Debian mirror in this machine's apt configuration: name one with KVMTAPE_MIRROR=ADDRESS" >&2
		return 1
	}
	echo "$found"
}

if [ "${1-}" = --mirror ]; then
	mirrors
	exit
fi
dir=$1 name=$2 suite=$3 arch=$4 package=$5

for tool in apt-get apt-cache dpkg-deb; do
	command -v "$tool" >/dev/null || {
		echo "no $tool here: give a kernel of your own with --kernel VMLINUZ --modules DIR" >&2
		exit 1
	}
done
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ -e "$keyring" ] || {
	echo "no $keyring: install debian-archive-keyring" >&2
	exit 1
}

state=$dir/apt/$suite-$arch
mkdir -p "$state/lists/partial" "$state/archives/partial" "$state/etc" "$dir/kernels"
asked=$(mirrors)
: >"$state/status"
apt=(-o "Dir::Etc::sourcelist=$state/sources.list" -o Dir::Etc::sourceparts=/dev/null
	-o Dir::Etc::preferencesparts=/dev/null -o Dir::Etc::preferences=/dev/null
	-o "Dir::State::Lists=$state/lists" -o "Dir::State::status=$state/status" -o "Dir::Cache=$state"
	-o "APT::Architecture=$arch" -o "APT::Architectures=$arch" -o APT::Sandbox::User=root
	-o Acquire::Languages=none -o Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false
	-o Acquire::Check-Valid-Until=false -o APT::Update::Error-Mode=any -o Debug::NoLocking=true)
for from in $asked; do
	echo "deb [arch=$arch signed-by=$keyring] $from $suite main" >"$state/sources.list"
	apt-get "${apt[@]}" update -qq 2>"$state/error" && break
	from=
done
[ -n "$from" ] || {
	why=$(sed -n 's/^[EW]: //p' "$state/error" | head -n 1)
	echo "no lists of Debian $suite from" $asked "(${why:-apt-get update failed}); KVMTAPE_MIRROR='ADDRESS ...' names other mirrors, an archive of old releases among them" >&2
	exit 1
}

# The package itself is a name for the newest one; that one may be split (kernel, modules).
todo=("$package")
found=()
while [ ${#todo[@]} -gt 0 ]; do
	one=${todo[0]}
	todo=("${todo[@]:1}")
	depends=$(apt-cache "${apt[@]}" show --no-all-versions "$one" 2>/dev/null | sed -n 's/^Depends: //p' || :)
	found+=("$one")
	while read -r next; do
		case " ${found[*]} ${todo[*]-} " in
		*" $next "*) ;;
		*) todo+=("$next") ;;
		esac
	done < <(tr ',' '\n' <<<"$depends" | sed 's/^ *//; s/[ (:|].*//' |
		grep -E '^linux-(image|binary|modules|base)-[0-9]' || :)
done
[ ${#found[@]} -gt 1 ] || {
	echo "$from has no package $package of Debian $suite for $arch" >&2
	exit 1
}

# apt keeps what has come of a file that was cut off in $state/archives/partial, and goes on from there.
new=$dir/kernels/.$name.new
rm -rf "$new"
mkdir -p "$new/deb" "$new/root"
trap 'rm -rf "$new"' EXIT
(cd "$new/deb" && apt-get "${apt[@]}" download -qq "${found[@]:1}" 2>"$state/error") || {
	why=$(sed -n 's/^E: //p' "$state/error" | head -n 1)
	part=$(du -ch "$state"/archives/partial/*.deb 2>/dev/null | tail -n 1 | cut -f 1) || part=
	echo "${found[*]:1} did not come from $from whole (${why:-apt-get download failed})${part:+; $part are kept, and fetching again goes on from there}" >&2
	exit 1
}
for deb in "$new"/deb/*.deb; do
	dpkg-deb -x "$deb" "$new/root"
done
modules=$(find "$new"/root/lib/modules "$new"/root/usr/lib/modules -mindepth 1 -maxdepth 1 2>/dev/null | head -1 || :)
release=${modules##*/}
# Up to 6.12 the kernel is in /boot, later beside its modules.
vmlinuz=$(find "$new/root/boot" "$modules" -maxdepth 1 -name 'vmlinu[xz]*' 2>/dev/null | head -1 || :)
[ -n "$release" ] && [ -n "$vmlinuz" ] || {
	echo "no kernel or no modules in the packages ${found[*]:1}" >&2
	exit 1
}
mkdir "$new/kernel"
mv "$vmlinuz" "$new/kernel/vmlinuz"
mv "$modules" "$new/kernel/modules"
config=$(find "$new/root" -name "config-$release" -o -path "*/modules/$release/config" | head -1 || :)
[ -z "$config" ] || mv "$config" "$new/kernel/config"
(cd "$new/deb" && ls ./*.deb | sed 's,./,,') >"$new/kernel/packages"
echo "$release" >"$new/kernel/release"
rm -rf "$dir/kernels/$name"
mv "$new/kernel" "$dir/kernels/$name"
echo "$release"
