# Reads the JUnit file that ctest writes and prints one line of counts. A cmocka program counts with each of its tests,
# any other test as one.

function number_of(line) {
  match(line, /\] [0-9]+ test/)
  return substr(line, RSTART + 2, RLENGTH - 7) + 0
}

/<testcase / { passed_inside = failed_inside = skipped_inside = 0; status = "run" }
/<testcase / && /status="fail"/ { status = "fail" }
/<testcase / && /status="(notrun|disabled)"/ { status = "skip" }
/<skipped/ { status = "skip" }
/\[  PASSED  \] [0-9]+ test/ { passed_inside += number_of($0) }
/\[  FAILED  \] [0-9]+ test/ { failed_inside += number_of($0) }
/\[  SKIPPED \] [0-9]+ test/ { skipped_inside += number_of($0) }

/<\/testcase>/ {
  if (status == "skip") {
    skipped++
  } else if (status == "fail") {
    passed += passed_inside
    skipped += skipped_inside
    failed += failed_inside > 0 ? failed_inside : 1
  } else if (passed_inside + skipped_inside > 0) {
    passed += passed_inside
    skipped += skipped_inside
  } else {
    passed++
  }
}

END { printf "wsuv tests: %d passed, %d failed, %d skipped\n", passed, failed, skipped }
