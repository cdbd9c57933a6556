// Package testserver tells tests where the servers are that scripts/with-servers runs.
package testserver

import (
	"net/url"
	"os"
	"testing"

	"github.com/go-sql-driver/mysql"
)

// Env returns a variable that scripts/with-servers sets. Without it the test is skipped, or fails in
// CI; see [Missing].
func Env(t testing.TB, name string) string {
	t.Helper()
	value := os.Getenv(name)
	if value == "" {
		Missing(t, name+" is not set: run the tests with make test")
	}
	return value
}

// Missing skips a test for want of something outside the module. With CI=true, which promises that
// all of it is there, the test fails.
func Missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(what)
	}
	t.Skip("SKIPPED: " + what)
}

// MySQLURL returns TEST_MYSQL_DSN, which is in the driver's form, as a URL.
func MySQLURL(t testing.TB) string {
	t.Helper()
	config, err := mysql.ParseDSN(Env(t, "TEST_MYSQL_DSN"))
	if err != nil {
		t.Fatal(err)
	}
	u := url.URL{Scheme: "mysql", User: url.UserPassword(config.User, config.Passwd), Host: config.Addr, Path: "/" + config.DBName}
	return u.String()
}
