package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const (
	passed = `{"Action":"run","Package":"p","Test":"TestGood"}
{"Action":"output","Package":"p","Test":"TestGood","Output":"=== RUN   TestGood\n"}
{"Action":"output","Package":"p","Test":"TestGood","Output":"chatter\n"}
{"Action":"output","Package":"p","Test":"TestGood","Output":"--- PASS: TestGood (0.00s)\n"}
{"Action":"pass","Package":"p","Test":"TestGood","Elapsed":0}
`
	skipped = `{"Action":"output","Package":"p","Test":"TestRedis","Output":"=== RUN   TestRedis\n"}
{"Action":"output","Package":"p","Test":"TestRedis","Output":"    redis_test.go:12: TEST_REDIS_ADDR is not set\n"}
{"Action":"output","Package":"p","Test":"TestRedis","Output":"--- SKIP: TestRedis (0.00s)\n"}
{"Action":"skip","Package":"p","Test":"TestRedis","Elapsed":0}
`
	failed = `{"Action":"output","Package":"p","Test":"TestBad","Output":"=== RUN   TestBad\n"}
{"Action":"output","Package":"p","Test":"TestBad","Output":"    bad_test.go:7: got 1, want 2\n"}
{"Action":"fail","Package":"p","Test":"TestBad","Elapsed":0}
`
	unfinished = `{"Action":"output","Package":"p","Test":"TestHang","Output":"panic: test timed out after 1s\n"}
`
	packagePassed = `{"Action":"output","Package":"p","Output":"PASS\n"}
{"Action":"output","Package":"p","Output":"ok  \tp\t0.1s\n"}
{"Action":"pass","Package":"p","Elapsed":0.1}
`
	packageFailed = `{"Action":"output","Package":"p","Output":"FAIL\tp\t0.1s\n"}
{"Action":"fail","Package":"p","Elapsed":0.1}
`
	noTests = `{"Action":"output","Package":"q","Output":"?   \tq\t[no test files]\n"}
{"Action":"skip","Package":"q","Elapsed":0}
`
	notBuilt = `{"ImportPath":"p [p.test]","Action":"build-output","Output":"./p.go:3:1: syntax error\n"}
{"ImportPath":"p [p.test]","Action":"build-fail"}
{"Action":"output","Package":"p","Output":"FAIL\tp [build failed]\n"}
{"Action":"fail","Package":"p","Elapsed":0,"FailedBuild":"p [p.test]"}
`
)

func TestReport(t *testing.T) {
	program := filepath.Join(t.TempDir(), "testreport")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}

	tests := []struct {
		name string
		in   string
		ci   string
		want string
		code int
	}{
		{
			name: "a passing test says nothing",
			in:   passed + packagePassed + noTests,
			want: "ok  \tp\t0.1s\n\n1 passed, 0 failed, 0 skipped\n",
		},
		{
			name: "a skipped test is listed with its reason",
			in:   passed + skipped + packagePassed,
			want: "ok  \tp\t0.1s\n\nskipped: TEST_REDIS_ADDR is not set\n    p TestRedis\n\n1 passed, 0 failed, 1 skipped\n",
		},
		{
			name: "a skipped test fails CI",
			in:   passed + skipped + packagePassed,
			ci:   "true",
			want: "ok  \tp\t0.1s\n\nskipped: TEST_REDIS_ADDR is not set\n    p TestRedis\n" +
				"\nA skipped test is a failure with CI=true: provide what it needs.\n\n1 passed, 0 failed, 1 skipped\n",
			code: 1,
		},
		{
			name: "a failed test shows its output",
			in:   passed + failed + packageFailed,
			want: "    bad_test.go:7: got 1, want 2\nFAIL\tp\t0.1s\n\n1 passed, 1 failed, 0 skipped\n",
			code: 1,
		},
		{
			name: "a test that does not finish has failed",
			in:   passed + unfinished + packageFailed,
			want: "panic: test timed out after 1s\nFAIL\tp\t0.1s\n\n1 passed, 1 failed, 0 skipped\n",
			code: 1,
		},
		{
			name: "a package that does not build counts as a failure",
			in:   notBuilt,
			want: "./p.go:3:1: syntax error\nFAIL\tp [build failed]\n\n0 passed, 1 failed, 0 skipped\n",
			code: 1,
		},
		{
			name: "what is no event is shown as it is",
			in:   "go: no such module\n",
			want: "go: no such module\n\n0 passed, 0 failed, 0 skipped\n",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cmd := exec.Command(program)
			cmd.Stdin = strings.NewReader(tt.in)
			cmd.Env = append(os.Environ(), "CI="+tt.ci)
			out, _ := cmd.Output() // its error is the exit code
			if got := string(out); got != tt.want {
				t.Errorf("printed:\n%s\nwant:\n%s", got, tt.want)
			}
			if got := cmd.ProcessState.ExitCode(); got != tt.code {
				t.Errorf("exit code %d, want %d", got, tt.code)
			}
		})
	}
}
