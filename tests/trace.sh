#!/bin/sh
# Lists the requirements and the seed's items that no test names.
#
# usage: sh tests/trace.sh [-a] [-s] [PREFIX...]
#
# Reads every "covers:" in the tests and vectors, vectors/REQUIREMENTS.tsv (ids such as W123, H041), vectors/SEED-ITEMS.tsv
# (FRM.4), and vectors/OPEN.tsv, which says of an id why no test names it. Ids of the seed's rows (EPT-012) are only counted:
# the rows are run from their file. Of the seed's items those that are optional or not portable need no test.
# -a lists the covered ids too, with the files that name them, and the ids with a reason; -s leaves the requirements out.
# PREFIX limits the list: W is RFC 6455, EPT the seed's endpoint.
#
# Exit status 1 if a requirement or an item of the seed's has neither test nor reason, or OPEN.tsv has a row too many: an id
# that is none, is there twice, has no reason or a test by now.
set -u

cd "$(dirname -- "$0")" || exit 1

all=0
requirements=1
while [ $# -gt 0 ]; do
  case $1 in
    -a) all=1 ;;
    -s) requirements=0 ;;
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
  awk -F '\t' -v all="$all" -v requirements="$requirements" -v prefixes="$*" '
    BEGIN { nprefixes = split(prefixes, prefix, " ") }
    function wanted(id,   i) {
      for (i = 1; i <= nprefixes; i++)
        if (index(id, prefix[i]) == 1)
          return 1
      return nprefixes == 0
    }
    # What is wrong with a row of OPEN.tsv, "" for nothing.
    function fault_of(id) {
      if (id in where)
        return "has a test by now"
      return id in known ? "" : "is no id"
    }
    # One line on a requirement or an item, if it is to be seen.
    function list(id, text) {
      if (id in where) {
        if (all)
          printf "%s%s, covered by%s\n", id, text, where[id]
      } else if (id in reason) {
        if (all)
          printf "%s%s -- %s\n", id, text, reason[id]
      } else {
        printf "%s%s -- NO TEST AND NO REASON\n", id, text
      }
    }
    function count(id, kind) {
      n[kind, "all"]++
      n[kind, id in where ? "covered" : id in reason ? "excused" : "missing"]++
    }
    function total(kind, what) {
      if (n[kind, "all"] > 0)
        printf "%d of %d %s are named by a test, %d have a reason instead, %d neither\n",
               n[kind, "covered"], n[kind, "all"], what, n[kind, "excused"], n[kind, "missing"]
    }
    FNR == NR {
      where[$1] = where[$1] " " $2
      if ($1 ~ /[.-]/ && !($1 in seen)) {
        seen[$1] = 1
        nseed++
      }
      next
    }
    /^#/ || $1 == "id" { next }
    FILENAME ~ /OPEN/ {
      if ($1 in reason || $2 == "") {
        printf "OPEN.tsv: %s is there twice or has no reason\n", $1
        nfaults++
      }
      reason[$1] = $2
      next
    }
    { known[$1] = 1 }
    !wanted($1) { next }
    FILENAME ~ /SEED-ITEMS/ {
      if ($2 !~ /[KFA]/)
        next
      count($1, "item")
      list($1, " " $2 ": " $3)
      next
    }
    requirements {
      count($1, "requirement")
      list($1, sprintf(" %s (%s, %s): %s", $2, $3, $4, $5))
    }
    END {
      for (id in reason)
        if (fault_of(id) != "") {
          printf "OPEN.tsv: %s %s\n", id, fault_of(id)
          nfaults++
        }
      total("requirement", "requirements")
      total("item", "items of the seed that are to hold")
      printf "%d ids of the seed are named in all\n", nseed
      exit n["requirement", "missing"] + n["item", "missing"] + nfaults > 0
    }' - vectors/OPEN.tsv vectors/REQUIREMENTS.tsv vectors/SEED-ITEMS.tsv
