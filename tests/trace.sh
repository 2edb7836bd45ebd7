#!/bin/sh
# Lists the requirements that no test names.
#
# usage: sh tests/trace.sh [-a] [PREFIX...]
#
# Reads vectors/REQUIREMENTS.tsv (ids such as W123, H041) and every "covers:" in the tests and vectors; the ids there may
# also be those of the seed's items (FRM.4) and rows (EPT-012), which are only counted. -a lists the covered ids too, with
# the files that name them. PREFIX limits the list: W is RFC 6455.
set -u

cd "$(dirname -- "$0")" || exit 1

all=0
if [ "${1:-}" = "-a" ]; then
  all=1
  shift
fi

# A comment may go on over several lines: what follows "covers:" counts as long as it is made of ids.
# shellcheck disable=SC2016
find unit vectors integration interop fuzz -type f \
  \( -name '*.c' -o -name '*.h' -o -name '*.txt' -o -name '*.py' -o -name '*.mjs' -o -name '*.sh' \) -print |
  sort | xargs awk '
    function take(text,   words, n, i) {
      gsub(/[*\/,]/, " ", text)
      n = split(text, words, /[ \t]+/)
      for (i = 1; i <= n; i++) {
        if (words[i] == "")
          continue
        if (words[i] !~ /^[A-Z]+[0-9]+$/ && words[i] !~ /^[A-Z]+[.-][0-9]+$/)
          return 0
        print words[i] "\t" FILENAME
      }
      return 1
    }
    FNR == 1 { open = 0 }
    /covers:/ {
      text = $0
      sub(/^.*covers:/, "", text)
      closed = text ~ /\*\//
      open = take(text) && !closed && FILENAME ~ /\.[ch]$/
      next
    }
    open {
      closed = $0 ~ /\*\//
      open = take($0) && !closed
    }' | sort -u |
  awk -F '\t' -v all="$all" -v prefixes="$*" '
    BEGIN { nprefixes = split(prefixes, prefix, " ") }
    function wanted(id,   i) {
      for (i = 1; i <= nprefixes; i++)
        if (index(id, prefix[i]) == 1)
          return 1
      return nprefixes == 0
    }
    FNR == NR {
      where[$1] = where[$1] " " $2
      if ($1 ~ /[.-]/ && !($1 in seen)) {
        seen[$1] = 1
        nseed++
      }
      next
    }
    FNR == 1 || !wanted($1) { next }
    {
      ntotal++
      if ($1 in where) {
        ncovered++
        if (all)
          printf "%s covered by%s\n", $1, where[$1]
      } else {
        printf "%s %s (%s, %s): %s\n", $1, $2, $3, $4, $5
      }
    }
    END {
      printf "%d of %d requirements are named by a test, %d are not\n", ncovered, ntotal, ntotal - ncovered
      printf "%d items and rows of the seed are named\n", nseed
    }' - vectors/REQUIREMENTS.tsv
exit 0
