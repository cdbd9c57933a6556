package ginsession_test

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
)

// Tests of the db engine start processes of their own: to be killed, or to work at the same time.

// dbChildren are the roles of the processes. A child works on its parent's database and reports
// line by line; its input ends when the parent does not need it any more.
var dbChildren = map[string]func(t *testing.T, db *gorm.DB, args []string, report io.Writer){
	"migrate": migrateInChild,
	"hammer":  hammerInChild,
	"writer":  writeInChild,
}

const dbChildVariable = "GINSESSION_TEST_DB_CHILD"

// TestDBChild is what the processes run. By itself it does nothing.
func TestDBChild(t *testing.T) {
	role, rest, _ := strings.Cut(os.Getenv(dbChildVariable), "\n")
	if role == "" {
		return
	}
	args := strings.Split(rest, "\n")
	db := openDB(t, dbDialects[args[0]](args[1]))
	dbChildren[role](t, db, args[2:], os.NewFile(3, "report"))
}

var dbDialects = map[string]func(dsn string) gorm.Dialector{
	"sqlite":   sqlite.Open,
	"postgres": postgres.Open,
	"mysql":    mysql.Open,
}

// dbDSN returns what another process opens the database with.
func dbDSN(t *testing.T, db *gorm.DB) string {
	t.Helper()
	switch dialector := db.Dialector.(type) {
	case *sqlite.Dialector:
		return dialector.DSN
	case *postgres.Dialector:
		return dialector.DSN
	case *mysql.Dialector:
		return dialector.DSN
	}
	t.Fatalf("no DSN of a %T is known", db.Dialector)
	return ""
}

// A dbChild is a process that was started.
type dbChild struct {
	*exec.Cmd
	input   io.Closer
	reports *bufio.Scanner
	output  *strings.Builder
}

// startDBChild starts this test binary again.
func startDBChild(t *testing.T, role string, db *gorm.DB, args ...string) *dbChild {
	t.Helper()
	reports, theirs, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { reports.Close() })
	defer theirs.Close()
	c := &dbChild{reports: bufio.NewScanner(reports), output: &strings.Builder{}}
	c.Cmd = exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestDBChild$", "-test.timeout=5m")
	c.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", dbChildVariable+"="+strings.Join(append([]string{role, db.Name(), dbDSN(t, db)}, args...), "\n"))
	c.ExtraFiles = []*os.File{theirs}
	c.Stdout, c.Stderr = c.output, c.output
	if c.input, err = c.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	return c
}

// await reads a line that the child has to report.
func (c *dbChild) await(t *testing.T) string {
	t.Helper()
	if !c.reports.Scan() {
		t.Fatalf("the process ended before it reported: %v\n%s", c.Wait(), c.output)
	}
	return c.reports.Text()
}

// finish ends the child's input and waits for its success.
func (c *dbChild) finish(t *testing.T) {
	t.Helper()
	c.input.Close()
	if err := c.Wait(); err != nil {
		t.Errorf("the process failed: %v\n%s", err, c.output)
	}
}
