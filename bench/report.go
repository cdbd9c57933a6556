package main

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// resultsFile has a part for each program of this module. Running one replaces its part.
const resultsFile = "RESULTS.md"

// replacePart puts text between the part's marks in the file, at its end if it has none yet.
func replacePart(file, part, text string) error {
	old, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		old = []byte("# Measured\n\n")
	} else if err != nil {
		return err
	}
	begin, end := "<!-- begin "+part+" -->\n", "<!-- end "+part+" -->\n"
	before, rest, found := strings.Cut(string(old), begin)
	after := ""
	if found {
		_, after, _ = strings.Cut(rest, end)
	} else {
		before = strings.TrimRight(before, "\n") + "\n\n"
	}
	return os.WriteFile(file, []byte(before+begin+text+end+after), 0o644)
}

// table writes a Markdown table.
func table(w *bytes.Buffer, header []string, rows [][]string) {
	line := func(cells []string) { fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | ")) }
	line(header)
	rule := make([]string, len(header))
	for i := range rule {
		rule[i] = "---:"
	}
	rule[0] = "---"
	line(rule)
	for _, row := range rows {
		line(row)
	}
	w.WriteByte('\n')
}

// micros writes a duration with three digits that count.
func micros(nanos float64) string { return number(nanos / 1000) }

func number(v float64) string {
	switch {
	case v < 10:
		return fmt.Sprintf("%.2f", v)
	case v < 100:
		return fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.0f", v)
	}
}

// writeRun writes the part of the ordinary run.
func writeRun(m *measured, order []string, p plan) error {
	var w bytes.Buffer
	fmt.Fprintf(&w, "Measured by `make bench` on %s, %s.\n\n", time.Now().UTC().Format(time.DateOnly), machine())
	fmt.Fprintf(&w, "%d rounds; in each, every subject has a turn of %v at every task, next to those it is compared with. "+
		"A ratio is taken within each round, of turns a few seconds apart; the tables give the median of the rounds and, in brackets, the least and the greatest. "+
		"Requests go through the whole stack (router, middleware, handler, cookie) in one process, without a socket, each to another of the sessions; WRITE counts a number up, so that no write is of what is there already, and moves the expiry. "+
		"A session has 5 keys and 196 bytes of JSON. ∥8 is 8 goroutines: the time is that of all requests together, divided by their number.\n\n",
		p.rounds, p.slice)
	writeTargets(&w, m)
	for _, id := range order {
		writeSection(&w, m.sections[id])
		if id == sqliteSection {
			fmt.Fprint(&w, "![READ and WRITE by engine and peer](plots/requests.svg)\n\n")
		}
	}
	if len(m.sections[rowsSectionPrefix+"1M"].Cells) > 0 {
		fmt.Fprint(&w, "![Cost against rows](plots/rows.svg)\n\n")
	}
	writeCleaning(&w, m)
	writeVersions(&w)
	return replacePart(resultsFile, "bench", w.String())
}

func writeTargets(w *bytes.Buffer, m *measured) {
	fmt.Fprint(w, "## Targets\n\n")
	var rows [][]string
	kept, total := 0, 0
	for _, t := range targets() {
		values := t.values(m)
		if len(values) == 0 {
			rows = append(rows, []string{t.row, t.promise, "not measured in this run", "–"})
			continue
		}
		total++
		s := spreadOf(values)
		mark := "✗"
		if t.met(s) {
			mark = "✓"
			kept++
		}
		text := fmt.Sprintf("%s%s", number(s.median), t.unit)
		if len(values) > 1 {
			text += fmt.Sprintf(" [%s – %s]", number(s.least), number(s.greatest))
		}
		rows = append(rows, []string{t.row, t.promise, text, mark})
	}
	fmt.Fprintf(w, "%d of %d kept.\n\n", kept, total)
	table(w, []string{"case", "target", "measured", ""}, rows)
}

// writeSection writes a table with a line for each subject and a column for each task.
func writeSection(w *bytes.Buffer, r result) {
	if len(r.Cells) == 0 {
		return
	}
	fmt.Fprintf(w, "## %s\n\nµs a request. %s\n\n", r.Title, r.Note)
	var subjects, tasks []string
	for _, c := range r.Cells {
		if !slices.Contains(tasks, c.Task) {
			tasks = append(tasks, c.Task)
		}
		if !slices.Contains(subjects, c.Subject) {
			subjects = append(subjects, c.Subject)
		}
	}
	header := append([]string{""}, tasks...)
	header = append(header, "allocations", "statements")
	var rows [][]string
	for _, subject := range subjects {
		row := []string{subject}
		if strings.HasPrefix(subject, "ginsession") {
			row[0] = "**" + subject + "**"
		}
		var allocs, statements []string
		for _, task := range tasks {
			c := r.find(subject, task)
			if c == nil {
				row = append(row, "")
				continue
			}
			s := spreadOf(c.Nanos)
			row = append(row, fmt.Sprintf("%s [%s – %s]", micros(s.median), micros(s.least), micros(s.greatest)))
			if strings.Contains(task, "∥") {
				continue
			}
			if !strings.HasPrefix(subject, "Django") {
				allocs = append(allocs, fmt.Sprintf("%.0f", c.Allocs))
			}
			if c.Statements != nil {
				statements = append(statements, fmt.Sprintf("%.3g", *c.Statements))
			}
		}
		rows = append(rows, append(row, strings.Join(allocs, " / "), strings.Join(statements, " / ")))
	}
	table(w, header, rows)
}

func (r result) find(subject, task string) *cell {
	for i := range r.Cells {
		if c := &r.Cells[i]; c.Subject == subject && c.Task == task {
			return c
		}
	}
	return nil
}

func writeCleaning(w *bytes.Buffer, m *measured) {
	if len(m.cleaning) == 0 {
		return
	}
	fmt.Fprint(w, "## Cleaning\n\nHalf of the rows have expired, spread over the table. A connection beside updates live sessions, a millisecond after the last update was done.\n\n")
	var rows [][]string
	line := func(name string, s sweep) {
		wal := ""
		if s.WALBytes > 0 {
			wal = number(s.WALBytes/(1<<20)) + " MiB"
		}
		rows = append(rows, []string{name, fmt.Sprint(s.Removed), number(s.Seconds) + " s", number(s.quantile(0.5)) + " ms",
			number(s.quantile(0.99)) + " ms", number(s.longest()) + " ms", wal})
	}
	for _, database := range []string{"PostgreSQL", "SQLite"} {
		if c, ok := m.cleaning[database]; ok {
			line(fmt.Sprintf("%s, %d rows: **ClearExpired**", database, c.Rows), c.Batches)
			line(fmt.Sprintf("%s, %d rows: one DELETE", database, c.Rows), c.OneDelete)
		}
	}
	table(w, []string{"", "removed", "total", "UPDATE, median", "p99", "longest", "WAL"}, rows)
	for _, database := range []string{"PostgreSQL", "SQLite"} {
		if _, ok := m.cleaning[database]; ok {
			fmt.Fprintf(w, "![Time of an UPDATE while %s is cleaned](plots/cleaning-%s.svg)\n\n", database, strings.ToLower(database))
		}
	}
}

// machine describes where this runs.
func machine() string {
	model := "unknown processor"
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	return fmt.Sprintf("%s/%s, %d cores, %s", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), model)
}

// writeVersions lists what was measured.
func writeVersions(w *bytes.Buffer) {
	fmt.Fprint(w, "## Versions\n\n")
	var rows [][]string
	add := func(name, version string) { rows = append(rows, []string{name, version}) }
	add("Go", runtime.Version())
	compared := []string{
		"github.com/alexedwards/scs/", "github.com/gin-contrib/sessions", "github.com/gorilla/sessions", "github.com/gofiber/fiber/v3",
		"github.com/gin-gonic/gin", "gorm.io/", "github.com/mattn/go-sqlite3", "github.com/jackc/pgx/v5", "github.com/valkey-io/valkey-go",
		"github.com/redis/go-redis/v9", "github.com/gomodule/redigo", "github.com/maypok86/otter/v2", "github.com/wader/gormstore",
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, module := range info.Deps {
			if slices.ContainsFunc(compared, func(prefix string) bool { return strings.HasPrefix(module.Path, prefix) }) {
				add(module.Path, module.Version)
			}
		}
	}
	for _, version := range serverVersions() {
		add(version[0], version[1])
	}
	table(w, []string{"", "version"}, rows)
}

func serverVersions() [][2]string {
	var versions [][2]string
	ask := func(name, database, query string) {
		e := &environment{}
		defer e.close()
		_, db, err := e.gorm(database)
		if err != nil {
			return
		}
		if text, err := oneText(db, query); err == nil {
			versions = append(versions, [2]string{name, text})
		}
	}
	ask("SQLite", "SQLite", "SELECT sqlite_version()")
	ask("PostgreSQL", "PostgreSQL", "SHOW server_version")
	ask("PostgreSQL: fsync, synchronous_commit", "PostgreSQL", "SELECT current_setting('fsync') || ', ' || current_setting('synchronous_commit')")
	ask("MariaDB", "MariaDB", "SELECT version()")
	e := &environment{}
	defer e.close()
	if client, err := e.valkey(); err == nil {
		info, _ := client.Do(context.Background(), client.B().Info().Section("server").Build()).ToString()
		for line := range strings.Lines(info) {
			if name, value, _ := strings.Cut(strings.TrimSpace(line), ":"); name == "redis_version" {
				versions = append(versions, [2]string{"Redis", value})
			}
		}
	}
	output, err := exec.Command(python, "-I", "-c", "import sys, django; print(django.get_version(), 'on Python', sys.version.split()[0])").Output()
	if err == nil {
		versions = append(versions, [2]string{"Django", strings.TrimSpace(string(output))})
	}
	return versions
}

func oneText(db *sql.DB, query string) (string, error) {
	var text string
	err := db.QueryRow(query).Scan(&text)
	return text, err
}

// printRun is for looking at a part of it.
func printRun(m *measured, order []string) {
	var w bytes.Buffer
	writeTargets(&w, m)
	for line := range strings.Lines(w.String()) {
		if !strings.Contains(line, "not measured") {
			fmt.Print(line)
		}
	}
	for _, id := range order {
		for _, c := range m.sections[id].Cells {
			statements := ""
			if c.Statements != nil {
				statements = fmt.Sprintf("%.3g statements", *c.Statements)
			}
			fmt.Printf("%-10s %-50s %-10s %10s µs %7.1f allocations %s\n", id, c.Subject, c.Task, micros(spreadOf(c.Nanos).median), c.Allocs, statements)
		}
	}
}
