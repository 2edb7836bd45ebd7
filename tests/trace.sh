#!/bin/sh
# Lists the requirements and the seed's items that no test names.
#
# usage: sh tests/trace.sh [-a] [-s] [PREFIX...]
#
# Reads every "covers:" in the tests and vectors, vectors/REQUIREMENTS.tsv (ids such as W123, H041) and
# vectors/SEED-ITEMS.tsv (FRM.4). Ids of the seed's rows (EPT-012) are only counted: the rows are run from their file. Of the
# seed's items those that are optional or not portable need no test, and an item may say in its last column why it has none.
# -a lists the covered ids too, with the files that name them; -s leaves the requirements out. PREFIX limits the list: W is
# RFC 6455, EPT the seed's endpoint.
#
# Exit status 1 if an item of the seed's has neither test nor reason.
set -u

cd "$(dirname -- "$0")" || exit 1

all=0
requirements=vectors/REQUIREMENTS.tsv
while [ $# -gt 0 ]; do
  case $1 in
    -a) all=1 ;;
    -s) requirements= ;;
    -*)
      echo "usage: sh tests/trace.sh [-a] [-s] [PREFIX...]" >&2
      exit 2
      ;;
    *) break ;;
  esac
  shift
done

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
    /^#/ || $1 == "id" || !wanted($1) { next }
    FILENAME ~ /SEED-ITEMS/ {
      if ($2 !~ /[KFA]/)
        next
      nitems++
      if ($1 in where)
        nitems_covered++
      if (!($1 in where) || all)
        printf "%s %s: %s%s\n", $1, $2, $3,
               $1 in where ? ", covered by" where[$1] : $4 != "" ? " -- " $4 : " -- NO TEST AND NO REASON"
      if (!($1 in where) && $4 == "")
        nmissing++
      else if (!($1 in where))
        nexcused++
      next
    }
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
      if (ntotal > 0)
        printf "%d of %d requirements are named by a test, %d are not\n", ncovered, ntotal, ntotal - ncovered
      if (nitems > 0)
        printf "%d of the %d items of the seed that are to hold are named by a test, %d have a reason instead, %d neither\n",
               nitems_covered, nitems, nexcused, nmissing
      printf "%d ids of the seed are named in all\n", nseed
      exit nmissing > 0
    }' - ${requirements:+"$requirements"} vectors/SEED-ITEMS.tsv
