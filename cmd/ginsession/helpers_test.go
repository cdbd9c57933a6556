package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/internal/testserver"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestMain lets a test run this binary as the command itself: see startProcess.
func TestMain(m *testing.M) {
	if os.Getenv("RUN_AS_GINSESSION") != "" {
		main()
	}
	os.Exit(m.Run())
}

// A result is the exit status and the output of a command.
type result struct {
	status         int
	stdout, stderr string
}

// ginsessionCommand runs a command line, with variables such as "SECRET_KEY=s" and stdin.
func ginsessionCommand(t *testing.T, variables []string, stdin string, args ...string) result {
	t.Helper()
	getenv := func(name string) string {
		for _, v := range variables {
			if value, ok := strings.CutPrefix(v, name+"="); ok {
				return value
			}
		}
		return ""
	}
	var stdout, stderr bytes.Buffer
	status := run(t.Context(), args, strings.NewReader(stdin), &stdout, &stderr, getenv)
	return result{status, stdout.String(), stderr.String()}
}

// want fails the test unless the command ended with this status and printed this.
func (r result) want(t *testing.T, status int, stdout, stderr string) {
	t.Helper()
	if want := (result{status, stdout, stderr}); r != want {
		t.Errorf("status %d, stdout %q, stderr %q\nwant status %d, stdout %q, stderr %q",
			r.status, r.stdout, r.stderr, status, stdout, stderr)
	}
}

func (r result) wantSuccess(t *testing.T) {
	t.Helper()
	if r.status != 0 || r.stderr != "" {
		t.Fatalf("status %d, stderr:\n%s", r.status, r.stderr)
	}
}

// A testTable is a sessions table in a database that a DSN names.
type testTable struct {
	dsn  string
	name string
	db   *gorm.DB
}

// args returns a command line for the table.
func (tt testTable) args(command string, more ...string) []string {
	return slices.Concat([]string{command}, tt.flags(), more)
}

func (tt testTable) flags() []string { return []string{"--dsn", tt.dsn, "--table", tt.name} }

// forEachDatabase runs f as a subtest for each database, with a table of its own.
func forEachDatabase(t *testing.T, f func(t *testing.T, tt testTable)) {
	t.Helper()
	for _, database := range testDatabases {
		t.Run(database.name, func(t *testing.T) { f(t, newTestTable(t, database.dsn(t))) })
	}
}

var testDatabases = []struct {
	name string
	dsn  func(t *testing.T) string
}{
	{"sqlite", sqliteDSN},
	{"postgres", func(t *testing.T) string { return testserver.Env(t, "TEST_POSTGRES_DSN") }},
	{"mysql", func(t *testing.T) string { return testserver.MySQLURL(t) }},
}

func newTestTable(t *testing.T, dsn string) testTable {
	t.Helper()
	db, err := openDatabase(context.WithoutCancel(t.Context()), dsn, true)
	if err != nil {
		t.Fatal(err)
	}
	tt := testTable{dsn: dsn, name: "t_" + strings.ToLower(rand.Text()[:12]), db: db}
	t.Cleanup(func() {
		if err := db.Migrator().DropTable(tt.name); err != nil {
			t.Errorf("dropping the table %s: %v", tt.name, err)
		}
		closeDatabase(db)
	})
	if err := ginsession.Migrate(db, ginsession.TableName(tt.name)); err != nil {
		t.Fatal(err)
	}
	return tt
}

func sqliteDSN(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "test 1%.db") }

// manager returns a Manager of the table, configured as a site would.
func (tt testTable) manager(t *testing.T, configure ...func(*ginsession.Config)) *ginsession.Manager {
	t.Helper()
	return tt.site().manager(t, configure...)
}

// site returns a site with the engine db on the table.
func (tt testTable) site() testSite {
	engine := ginsession.DB(tt.db, ginsession.TableName(tt.name))
	return testSite{engine: engine, flags: append([]string{"--engine=db"}, tt.flags()...)}
}

func newManager(t *testing.T, config ginsession.Config, configure ...func(*ginsession.Config)) *ginsession.Manager {
	t.Helper()
	for _, f := range configure {
		f(&config)
	}
	m, err := ginsession.NewManager(config)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// save creates a session with one value and returns its key.
func save(t *testing.T, m *ginsession.Manager, name string, value any) string {
	t.Helper()
	s := m.Open(t.Context(), "")
	s.Set(name, value)
	if err := s.Save(); err != nil {
		t.Fatal(err)
	}
	return s.Key()
}

// saveEnding creates n sessions that expire at the given time.
func saveEnding(t *testing.T, m *ginsession.Manager, n int, at time.Time) {
	t.Helper()
	for range n {
		s := m.Open(t.Context(), "")
		s.SetExpiry(ginsession.ExpireAt(at))
		if err := s.Save(); err != nil {
			t.Fatal(err)
		}
	}
}

func (tt testTable) count(t *testing.T) int64 {
	t.Helper()
	var n int64
	if err := tt.db.Table(tt.name).Count(&n).Error; err != nil {
		t.Fatal(err)
	}
	return n
}

// golden compares text with a file in testdata. With -update it writes the file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (go test -update rewrites it); got:\n%s", file, got)
	}
}
