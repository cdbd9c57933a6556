package ginsession_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/ginsession/ginsession"
)

// dbManager opens the table in a process of its own, by the real clock.
func dbManager(t *testing.T, db *gorm.DB, table string) *ginsession.Manager {
	t.Helper()
	m, err := ginsession.NewManager(ginsession.Config{Engine: ginsession.DB(db, ginsession.TableName(table))})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestDBTwoProcesses has two processes, each with many clients, change one session.
func TestDBTwoProcesses(t *testing.T) {
	forEachDB(t, func(t *testing.T, db *gorm.DB, table string) {
		m := dbManager(t, db, table)
		key := dbSignedIn(t, m, map[string]any{"n": 0})
		children := startHammers(t, db, table, key, "20")
		for _, child := range children {
			check(t, "what the process says", child.await(t), "never refused")
			child.finish(t)
		}
		const changes = 2 * hammerClients * 20
		s := m.Open(t.Context(), key)
		check(t, "the counter", s.Get("n"), any(int64(changes)))
		check(t, "the number of keys", s.Len(), changes+1)
	})
}

// TestDBSignOutBesideProcesses ends the session that two processes go on changing.
func TestDBSignOutBesideProcesses(t *testing.T) {
	forEachDB(t, func(t *testing.T, db *gorm.DB, table string) {
		m := dbManager(t, db, table)
		key := dbSignedIn(t, m, map[string]any{"n": 0})
		children := startHammers(t, db, table, key, "1000000")
		waitFor(t, "both processes to change the session", func() bool {
			n, _ := ginsession.Value[int](m.Open(t.Context(), key), "n")
			return n > 4*hammerClients
		})
		if err := m.Delete(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		for _, child := range children {
			check(t, "what the process says", child.await(t), "refused")
			child.finish(t)
		}
		if ok, err := m.Exists(t.Context(), key); ok || err != nil {
			t.Errorf("the session that was ended exists: %v, %v", ok, err)
		}
	})
}

// waitFor polls: other processes and servers tell nobody here what they have done.
func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !done() {
		if time.Now().After(deadline) {
			t.Errorf("waited for %s in vain", what)
			return
		}
		<-time.After(5 * time.Millisecond)
	}
}

const hammerClients = 8

func startHammers(t *testing.T, db *gorm.DB, table, key, rounds string) []*dbChild {
	t.Helper()
	var children []*dbChild
	for _, name := range []string{"one", "two"} {
		children = append(children, startDBChild(t, "hammer", db, table, key, name, rounds))
	}
	for _, child := range children {
		check(t, "what the process says", child.await(t), "ready")
	}
	for _, child := range children {
		child.input.Close() // go
	}
	return children
}

// hammerInChild changes the session so many times with each client, or until it is ended.
func hammerInChild(t *testing.T, db *gorm.DB, args []string, report io.Writer) {
	table, key, name := args[0], args[1], args[2]
	rounds, _ := strconv.Atoi(args[3])
	m := dbManager(t, db, table)
	fmt.Fprintln(report, "ready")
	_, _ = io.Copy(io.Discard, os.Stdin)
	var all sync.WaitGroup
	refused := make([]bool, hammerClients)
	for client := range hammerClients {
		all.Go(func() {
			for i := range rounds {
				s := m.Open(context.Background(), key)
				if s.Len() == 0 && s.Err() == nil {
					refused[client] = true
					return
				}
				s.Set(fmt.Sprintf("%s%d-%d", name, client, i%50), i)
				dbIncrement(s)
				if err := s.Save(); err != nil {
					if refused[client] = errors.Is(err, ginsession.ErrInterrupted); !refused[client] {
						t.Errorf("Save: %v", err)
					}
					return
				}
			}
		})
	}
	all.Wait()
	switch count := strings.Count(fmt.Sprint(refused), "true"); count {
	case 0:
		fmt.Fprintln(report, "never refused")
	case hammerClients:
		fmt.Fprintln(report, "refused")
	default:
		fmt.Fprintln(report, count, "clients refused")
	}
}

// TestDBKilledOnSQLite kills a process that writes, again and again, and looks for what it had
// acknowledged.
func TestDBKilledOnSQLite(t *testing.T) {
	file := filepath.Join(t.TempDir(), "test.db")
	dsn := sqliteDSN(file)
	db := openDB(t, sqlite.Open(dsn))
	table := newTable(t, db)
	m := dbManager(t, db, table)
	key := dbSignedIn(t, m, map[string]any{"n": 0})
	for range numberFromEnv(t, "TEST_KILLS", 50) {
		child := startDBChild(t, "writer", db, table, key)
		acknowledged := acknowledgments{t: t, m: m, key: key, live: map[string]bool{}}
		acknowledged.note(child.await(t))
		timer := time.AfterFunc(time.Duration(1+rand.IntN(50))*time.Millisecond, func() { _ = child.Process.Kill() })
		for child.reports.Scan() {
			acknowledged.note(child.reports.Text())
		}
		timer.Stop()
		if err := child.Wait(); err == nil || child.ProcessState.Exited() {
			t.Fatalf("the process was not killed: %v\n%s", err, child.output)
		}
		acknowledged.check()
		var integrity string
		db.Raw("PRAGMA integrity_check").Scan(&integrity)
		check(t, "integrity_check", integrity, "ok")
	}
}

// acknowledgments are what a writer has said.
type acknowledgments struct {
	t    *testing.T
	m    *ginsession.Manager
	key  string
	n    int
	live map[string]bool // keys of sessions that were created, or ended
}

func (a *acknowledgments) note(line string) {
	verb, what, ok := strings.Cut(line, " ")
	if !ok {
		return // killed amid a line
	}
	switch verb {
	case "set":
		a.n, _ = strconv.Atoi(what)
	case "created":
		a.live[what] = true
	case "ending": // or not
		delete(a.live, what)
	case "ended":
		a.live[what] = false
	}
}

func (a *acknowledgments) check() {
	a.t.Helper()
	n, ok := ginsession.Value[int](a.m.Open(a.t.Context(), a.key), "n")
	if !ok || n < a.n || n > a.n+1 {
		a.t.Errorf("the session holds %d, %v; acknowledged was %d", n, ok, a.n)
	}
	for key, live := range a.live {
		if there, err := a.m.Exists(a.t.Context(), key); err != nil || there != live {
			a.t.Errorf("a session exists: %v, %v; acknowledged was %v", there, err, live)
		}
	}
}

// writeInChild writes until it is killed, and reports what has been saved.
func writeInChild(t *testing.T, db *gorm.DB, args []string, report io.Writer) {
	m := dbManager(t, db, args[0])
	n, _ := ginsession.Value[int](m.Open(t.Context(), args[1]), "n")
	fmt.Fprintln(report, "set", n)
	for {
		n++
		s := m.Open(t.Context(), args[1])
		s.Set("n", n)
		save(t, s)
		fmt.Fprintln(report, "set", n)

		other := dbSignedIn(t, m, map[string]any{"a": strings.Repeat("x", n%5000)})
		fmt.Fprintln(report, "created", other)
		if n%2 == 0 {
			continue
		}
		fmt.Fprintln(report, "ending", other)
		if err := m.Open(t.Context(), other).Flush(); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(report, "ended", other)
	}
}
