# pmccabe's lines on standard input: no function over 80 lines or a complexity of 15.
# Fields: modified complexity, complexity, statements, first line, lines, file(line): name

{
  place = $6
  sub(/\(.*/, "", place)
  if ($5 > 80) {
    printf "%s:%d %s has %d lines; 80 are allowed\n", place, $4, $NF, $5
    bad++
  }
  if ($2 > 15) {
    printf "%s:%d %s has a complexity of %d; 15 is allowed\n", place, $4, $NF, $2
    bad++
  }
}

END { exit bad > 0 }
