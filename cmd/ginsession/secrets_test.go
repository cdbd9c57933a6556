package main

import (
	"net/url"
	"strings"
	"testing"
)

// The password in the tests of this file. No output may contain it.
const testPassword = "hunter2"

// placements are the ways to give the command a DSN or a cache's URL, also by mistake. %s is
// the text.
var placements = map[string]struct{ variable, line string }{
	"DATABASE_URL":         {"DATABASE_URL", "stats"},
	"--dsn":                {"", "migrate --dsn %s"},
	"--dsn=":               {"", "clearsessions --dsn=%s"},
	"CACHE_URL":            {"CACHE_URL", "show k --engine=cache"},
	"--cache":              {"", "show k --engine=cached_db --cache %s"},
	"argument":             {"", "stats %s"},
	"command":              {"", "%s"},
	"help":                 {"", "help %s"},
	"flag before command":  {"", "--dsn=%s stats"},
	"name of a flag":       {"", "stats --%s"},
	"bad flag":             {"", "stats ---dsn=%s"},
	"value of a number":    {"", "clearsessions --batch=%s"},
	"value of a duration":  {"", "clearsessions --pause=%s"},
	"value of an engine":   {"", "stats --engine=%s"},
	"value of a time zone": {"", "stats --time-zone=%s"},
	"value of a folder":    {"", "stats --engine=file --dir=%s"},
	"second key of show":   {"", "show k %s"},
	"value of a boolean":   {"", "clearsessions --dry-run=%s"},
}

// runEverywhere runs the command with text in each of the placements and returns the outputs.
func runEverywhere(t *testing.T, text string) map[string]result {
	t.Helper()
	results := map[string]result{}
	for name, p := range placements {
		var variables, args []string
		if p.variable != "" {
			variables = []string{p.variable + "=" + text}
		}
		for _, word := range strings.Fields(p.line) {
			args = append(args, strings.Replace(word, "%s", text, 1))
		}
		results[name] = ginsessionCommand(t, variables, "", args...)
	}
	return results
}

func TestNoOutputShowsAPassword(t *testing.T) {
	for _, text := range []string{
		"postgres://u:hunter2%zz@127.0.0.1:1/db",
		"postgres://u:hunter2@127.0.0.1:port/db",
		"postgres://u:hunter2@127.0.0.1:1/db",
		"postgres://u:hunter2@127.0.0.1:1/db?sslmode=bogus",
		"postgres://u:hunter2@127.0.0.1:1/db?connect_timeout=soon",
		"postgres://127.0.0.1:1/db?user=u&password=hunter2&sslmode=bogus",
		"postgres://127.0.0.1:1/db?password=%68unter2&sslmode=bogus",
		"postgres://127.0.0.1:1/db?sslpassword=hunter2&sslcert=/missing&sslkey=/missing",
		"postgres://127.0.0.1:1/db?password=hunter2%zz",
		"postgres://127.0.0.1:1/db?password=0@hunter2&sslmode=bogus",
		"postgres://127.0.0.1:1/db?user=hunter2&password=hunter2",
		"postgres://u:12/hunter2@127.0.0.1:1/db",
		"postgres://u:12?hunter2@127.0.0.1:1/db",
		"postgres://u:12#hunter2@127.0.0.1:1/db",
		"postgres:u:hunter2@127.0.0.1/db",
		"postgress://u:hunter2@127.0.0.1/db",
		"host=127.0.0.1 user=u password=hunter2",
		"mysql://u:hunter2%zz@127.0.0.1/db",
		"mysql://u:hunter2@127.0.0.1:1/db",
		"mysql://u:hunter2@127.0.0.1:1/",
		"mysql://u:hunter2@127.0.0.1:1/db?tls=unknown",
		"mysql://127.0.0.1:1/db?password=hunter2",
		"mysql://127.0.0.1:1/db?Passwd=hunter2&timeout=soon",
		"mysql://u:12/hunter2@127.0.0.1:1/db",
		"mysql:u:hunter2@127.0.0.1/db",
		"u:hunter2@tcp(127.0.0.1)/db",
		"sqlite:missing/app.db?_auth&_auth_user=u&_auth_pass=hunter2",
		"sqlite:missing/app.db?_auth_pass=hunter2%zz",
		"redis://u:hunter2@127.0.0.1:1",
		"redis://:hunter2@127.0.0.1:1/0",
		"redis://u:hunter2@127.0.0.1:1/%z",
		"redis://u:hunter2@127.0.0.1:1/x",
		"redis://u:12/hunter2@127.0.0.1:1",
		"redis://u:12?hunter2@127.0.0.1:1",
		"rediss://u:hunter2@127.0.0.1:1/0?skip_verify=hunter2",
		"memcached://u:hunter2@127.0.0.1:1",
		"memcached://127.0.0.1:1,u:hunter2@127.0.0.1:1",
		"http://u:hunter2@127.0.0.1",
	} {
		t.Run(text, func(t *testing.T) {
			for name, got := range runEverywhere(t, text) {
				if strings.Contains(got.stdout+got.stderr, testPassword) {
					t.Errorf("given as %s: status %d, stdout:\n%s\nstderr:\n%s", name, got.status, got.stdout, got.stderr)
				}
			}
		})
	}
}

func TestNoErrorShowsPGPASSWORD(t *testing.T) {
	variables := []string{"DATABASE_URL=postgres://hunter2@127.0.0.1:1/db", "PGPASSWORD=hunter2"}
	got := ginsessionCommand(t, variables, "", "stats")
	if got.status != 1 || strings.Contains(got.stderr, testPassword) {
		t.Errorf("status %d, stderr:\n%s", got.status, got.stderr)
	}
}

// The error still says what is wrong when there is a password to leave out.
func TestErrorsNameTheParameter(t *testing.T) {
	for dsn, stderr := range map[string]string{
		"postgres://h/db?password=hunter2&sslmode=bogus": "ginsession: the DSN's parameter sslmode cannot be used\n",
		"postgres://h/db?connect_timeout=soon":           "ginsession: the DSN's parameter connect_timeout cannot be used\n",
		"mysql://u:hunter2@h/db?a=b&timeout=soon":        "ginsession: the DSN's parameter timeout cannot be used\n",
		"mysql://u:hunter2@h/db?tls=unknown":             "ginsession: the DSN's parameter tls cannot be used\n",
		"mysql://h/db?password=hunter2":                  "ginsession: the DSN's parameter password has no meaning for MySQL\n",
		"postgres://u:12/hunter2@h/db":                   "ginsession: the DSN has a special character that must be percent-encoded\n",
	} {
		got := ginsessionCommand(t, []string{"DATABASE_URL=" + dsn}, "", "stats")
		if got.status != 2 || !strings.HasPrefix(got.stderr, stderr) {
			t.Errorf("%s: status %d, stderr:\n%s\nwant\n%s", dsn, got.status, got.stderr, stderr)
		}
	}
}

// A session's key signs whoever has it in, so no error quotes one that was given by mistake.
func TestNoErrorQuotesAKey(t *testing.T) {
	key := strings.Repeat("k3y", 11)[:32]
	for name, got := range runEverywhere(t, key) {
		if name != "value of a folder" && strings.Contains(got.stderr, key) {
			t.Errorf("given as %s: stderr:\n%s", name, got.stderr)
		}
	}
}

// A short password leaves the words of the error readable.
func TestShortPasswordIsHiddenAsAWord(t *testing.T) {
	var s secrets
	s.learn("postgres://u:db@host/app")
	if got, want := s.hide("cannot use the adb of db db: 'db'"), "cannot use the adb of *** ***: '***'"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// FuzzDSN puts a password with arbitrary text around it into each form of a DSN, once unchanged and
// twice percent-encoded.
func FuzzDSN(f *testing.F) {
	forms := []string{
		"postgres://u:PASSWORD@127.0.0.1:1/db?sslmode=bogus",
		"postgres://127.0.0.1:1/db?password=PASSWORD&sslmode=bogus",
		"postgres://127.0.0.1:1/db?sslmode=bogus&sslpassword=PASSWORD",
		"mysql://u:PASSWORD@127.0.0.1:1/db?tls=unknown",
		"mysql://127.0.0.1:1/db?password=PASSWORD",
		"u:PASSWORD@tcp(127.0.0.1:1)/db",
		"redis://u:PASSWORD@127.0.0.1:1/x",
		"memcached://u:PASSWORD@127.0.0.1:1",
		"sqlite:missing/app.db?_auth_pass=PASSWORD",
		"unknown://u:PASSWORD@127.0.0.1:1",
	}
	for i, around := range []string{"", "%", "%zz", "@", ":", "/", "12/", "?", "#", "=", " ", "\"", "'", "\\", "\x00", "é", ":\xb6", "+", ",", "[", "]"} {
		f.Add(uint(i), around, "")
		f.Add(uint(i+1), "", around)
		f.Add(uint(i+2), around, around)
	}
	f.Fuzz(func(t *testing.T, form uint, before, after string) {
		if strings.ContainsAny(before+after, "&") {
			t.Skip("begins another parameter, which is no password")
		}
		password := before + testPassword + after
		for _, text := range []string{password, url.QueryEscape(password), url.PathEscape(password)} {
			dsn := strings.Replace(forms[form%uint(len(forms))], "PASSWORD", text, 1)
			for name, got := range runEverywhere(t, dsn) {
				if strings.Contains(got.stdout+got.stderr, testPassword) {
					t.Errorf("%q given as %s: stderr:\n%s", dsn, name, got.stderr)
				}
			}
		}
	})
}
