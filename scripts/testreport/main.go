// Command testreport turns the output of go test -json, read from standard
// input, into what a person wants to see: a line for each package, the output
// of what failed, and which tests were skipped and why.
//
// It exits with 1 if a test failed, and with CI=true also if one was skipped.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
)

func main() {
	r := report{
		out:     os.Stdout,
		running: make(map[test]string),
		failed:  make(map[string]int),
		skipped: make(map[string][]test),
	}
	if err := r.read(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "testreport:", err)
		os.Exit(1)
	}
	if !r.summarize(os.Getenv("CI") == "true") {
		os.Exit(1)
	}
}

// event is a line of go test -json, as go doc test2json describes it.
type event struct {
	Action  string
	Package string
	Test    string
	Output  string
}

// test names a test, or with an empty name what a package prints outside of its tests.
type test struct {
	pkg, name string
}

type report struct {
	out     io.Writer
	running map[test]string   // what each test has printed until now
	passed  int               // tests
	failed  map[string]int    // tests, by package
	skipped map[string][]test // by reason
}

func (r *report) read(in io.Reader) error {
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadString('\n')
		if err != nil && err != io.EOF {
			return err
		}
		r.line(line)
		if err == io.EOF {
			return nil
		}
	}
}

func (r *report) line(line string) {
	var e event
	if err := json.Unmarshal([]byte(line), &e); err != nil {
		r.print(line)
		return
	}

	t := test{e.Package, e.Test}
	switch e.Action {
	case "build-output":
		r.print(e.Output)
	case "output":
		if !strings.HasPrefix(e.Output, "=== ") {
			r.running[t] += e.Output
		}
	case "pass", "fail", "skip":
		output := r.running[t]
		delete(r.running, t)
		if t.name == "" {
			r.endPackage(t.pkg, e.Action, output)
		} else {
			r.endTest(t, e.Action, output)
		}
	}
}

func (r *report) endTest(t test, action, output string) {
	switch action {
	case "pass":
		r.passed++
	case "fail":
		r.failed[t.pkg]++
		r.print(output)
	case "skip":
		reason := skipReason(output)
		r.skipped[reason] = append(r.skipped[reason], t)
	}
}

func (r *report) endPackage(pkg, action, output string) {
	if action == "pass" {
		r.print(lastLine(output))
		return
	}
	if action == "skip" { // it has no tests
		return
	}

	// A panic or a timeout ends the package in the middle of its tests.
	for t, printed := range r.running {
		if t.pkg == pkg {
			delete(r.running, t)
			r.failed[pkg]++
			r.print(printed)
		}
	}
	// A package that does not build, or whose TestMain fails, has no failed test.
	r.failed[pkg] = max(r.failed[pkg], 1)
	r.print(output)
}

func (r *report) print(s string) {
	fmt.Fprint(r.out, s)
}

// summarize reports whether the run is good.
func (r *report) summarize(mustNotSkip bool) bool {
	failed, skipped := 0, 0
	for _, n := range r.failed {
		failed += n
	}
	for _, reason := range slices.Sorted(maps.Keys(r.skipped)) {
		tests := r.skipped[reason]
		skipped += len(tests)
		fmt.Fprintf(r.out, "\nskipped: %s\n", reason)
		for _, t := range tests {
			fmt.Fprintf(r.out, "    %s %s\n", t.pkg, t.name)
		}
	}
	if mustNotSkip && skipped > 0 {
		fmt.Fprintln(r.out, "\nA skipped test is a failure with CI=true: provide what it needs.")
	}
	fmt.Fprintf(r.out, "\n%d passed, %d failed, %d skipped\n", r.passed, failed, skipped)
	return failed == 0 && !(mustNotSkip && skipped > 0)
}

var sourceLine = regexp.MustCompile(`^\s*\S+\.go:\d+: `)

// skipReason is what a test that was skipped has logged, on one line.
func skipReason(output string) string {
	var reasons []string
	for line := range strings.Lines(output) {
		line = strings.TrimSpace(sourceLine.ReplaceAllString(line, ""))
		if line != "" && !strings.HasPrefix(line, "--- SKIP") {
			reasons = append(reasons, line)
		}
	}
	if len(reasons) == 0 {
		return "no reason given"
	}
	return strings.Join(reasons, " ")
}

// lastLine is the line of go test that tells how the package did.
func lastLine(output string) string {
	output = strings.TrimSuffix(output, "\n")
	return output[strings.LastIndexByte(output, '\n')+1:] + "\n"
}
