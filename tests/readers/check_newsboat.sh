#!/bin/sh
# Reads the RSS and the Atom feed under an address with newsboat, three times each, and looks into its cache.
#
#   check_newsboat.sh BASE_URL [EXPECTED.json]
#
# What EXPECTED.json holds is told in expectations.py. Ends with 0 if all is right, 1 if not, 2 when called wrongly, 3
# without newsboat. Each feed has a cache of its own: in newsboat an id is known to all feeds.
set -eu

if [ $# -lt 1 ] || [ $# -gt 2 ]; then
    echo "usage: $0 BASE_URL [EXPECTED.json]" >&2
    exit 2
fi
if ! command -v newsboat >/dev/null; then
    echo "newsboat is not installed: apt-get install newsboat" >&2
    exit 3
fi

base=${1%/}
expected=${2:-}
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# newsboat keeps nothing outside of these files, and needs no terminal to reload.
boat() {
    HOME=$scratch timeout 60 newsboat -C "$scratch/config" -u "$scratch/urls" -c "$scratch/$name.db" "$@" </dev/null
}

printf 'download-retries 1\ndownload-timeout 20\n' >"$scratch/config"
failed=0
for name in feed.xml atom.xml; do
    echo "$base/$name" >"$scratch/urls"
    # Debian's newsboat stores validators on the second load, so the third is the first conditional one.
    for load in first second third; do
        if ! boat -d "$scratch/$name.$load.log" -l 6 -x reload >"$scratch/output" 2>&1; then
            echo "FAIL $base/$name: newsboat could not reload it ($load time)"
            cat "$scratch/output"
            failed=1
        fi
    done
    unread=$(boat -x print-unread)
    python3 "$here/newsboat_cache.py" "$base/$name" "$scratch/$name.db" "$unread" "$scratch/$name.third.log" ${expected:+"$expected"} ||
        failed=1
done
exit $failed
