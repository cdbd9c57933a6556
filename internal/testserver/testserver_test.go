package testserver_test

import (
	"testing"

	"github.com/ginsession/ginsession/internal/testserver"
)

// A result is what became of a test.
type result struct {
	testing.TB
	ended string
}

func (r *result) Helper()      {}
func (r *result) Fatal(...any) { r.end("failed") }
func (r *result) Skip(...any)  { r.end("skipped") }

func (r *result) end(how string) {
	r.ended = how
	panic(r) // as runtime.Goexit in a test, but without its goroutine
}

func TestEnv(t *testing.T) {
	for _, test := range []struct{ ci, value, want string }{
		{"", "here", ""}, {"true", "here", ""}, {"", "", "skipped"}, {"true", "", "failed"},
	} {
		t.Setenv("CI", test.ci)
		t.Setenv("TEST_NOTHING", test.value)
		r := &result{TB: t}
		got := func() string {
			defer func() { _ = recover() }()
			return testserver.Env(r, "TEST_NOTHING")
		}()
		if r.ended != test.want || got != test.value {
			t.Errorf("CI=%s, %q: the test has %q and is %q, want %q", test.ci, test.value, got, r.ended, test.want)
		}
	}
}

func TestMySQLURL(t *testing.T) {
	t.Setenv("TEST_MYSQL_DSN", "me:p@ss/word@tcp(db:3307)/site?parseTime=true")
	if got := testserver.MySQLURL(t); got != "mysql://me:p%40ss%2Fword@db:3307/site" {
		t.Error(got)
	}
}
