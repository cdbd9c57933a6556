package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"strconv"
	"strings"
	"time"
)

// scale measures loads and saves in a table of ten million rows, and ClearExpired of half of
// them under traffic.
func scale(args []string) error {
	flags := flag.NewFlagSet("scale", flag.ExitOnError)
	rows := flags.Int("rows", 10_000_000, "how many rows the tables have")
	slice := flags.Duration("slice", 3*time.Second, "how long loads and saves are measured, each")
	_ = flags.Parse(args)

	var w bytes.Buffer
	fmt.Fprintf(&w, "## Scale\n\nMeasured by `make bench-scale` on %s, %s: requests through ginsession.DB to sessions all over a table of %d rows, "+
		"and then ClearExpired, which removes the half that has expired, while one client goes on writing its sessions, a millisecond after each answer.\n\n",
		time.Now().UTC().Format(time.DateOnly), machine(), *rows)
	var lines [][]string
	for _, database := range []string{"PostgreSQL", "SQLite"} {
		line, err := scaleOne(database, *rows, *slice)
		if errors.Is(err, errNoServer) {
			log.Printf("%s: left out: %v", database, err)
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", database, err)
		}
		lines = append(lines, line)
	}
	table(&w, []string{"", "READ, µs", "WRITE, µs", "READ ∥8, µs", "WRITE ∥8, µs", "ClearExpired: removed", "total",
		"WRITE beside it: median", "p99", "longest", "WAL", "process: memory before", "most"}, lines)
	return replacePart(resultsFile, "scale", w.String())
}

func scaleOne(database string, rows int, slice time.Duration) ([]string, error) {
	began := time.Now()
	t, err := newExpiredTable(database, rows)
	if err != nil {
		return nil, err
	}
	defer t.environment.close()
	log.Printf("%s: made %d rows in %v", database, rows, time.Since(began).Round(time.Second))
	t.site.visitLive(t.cookies)
	line := []string{database}
	for _, task := range []task{{read, 1}, {write, 1}, {read, 8}, {write, 8}} {
		instance := t.site.instance(nil)
		turn := &turn{instance: instance, task: task}
		if err := turn.calibrate(plan{slice: slice}); err != nil {
			return nil, err
		}
		if err := turn.take(); err != nil {
			return nil, err
		}
		line = append(line, micros(turn.cell.Nanos[0]))
		log.Printf("%s: %v %s µs", database, task, micros(turn.cell.Nanos[0]))
	}
	s, before, most, err := t.clearUnderTraffic()
	if err != nil {
		return nil, err
	}
	wal := ""
	if s.WALBytes > 0 {
		wal = number(s.WALBytes/(1<<20)) + " MiB"
	}
	return append(line, fmt.Sprint(s.Removed), number(s.Seconds)+" s", number(s.quantile(0.5))+" ms", number(s.quantile(0.99))+" ms",
		number(s.longest())+" ms", wal, number(before)+" MiB", number(most)+" MiB"), nil
}

// visitLive has the site's visitors be these.
func (s *site) visitLive(keys []string) {
	s.cookies, s.users, s.numbers = nil, nil, nil
	for _, key := range keys {
		s.cookies = append(s.cookies, []string{"sessionid=" + key})
		s.users = append(s.users, userName(0))
		s.numbers = append(s.numbers, []string{"0"})
	}
}

// clearUnderTraffic returns also the process's memory before and at most meanwhile, in MiB.
func (t *expiredTable) clearUnderTraffic() (s sweep, before, most float64, err error) {
	before = residentMiB(os.Getpid())
	most = before
	write := t.site.worker(write)
	watch := t.startWatch(func(i int) error {
		if i%100 == 0 {
			most = max(most, residentMiB(os.Getpid()))
		}
		return write(i % len(t.site.cookies))
	})
	began := time.Now()
	s.Removed, err = t.manager.ClearExpired(context.Background())
	s.Seconds = time.Since(began).Seconds()
	if err = firstError(err, watch.stop()); err != nil {
		return s, 0, 0, err
	}
	s.Updates, s.WALBytes = watch.updates, watch.wal
	log.Printf("%s: removed %d in %.1f s, memory %.0f to %.0f MiB", t.database, s.Removed, s.Seconds, before, most)
	return s, before, most, nil
}

// residentMiB is the memory that a process has in RAM, 0 if /proc does not tell.
func residentMiB(pid int) float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, _ := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 64)
			return kib / 1024
		}
	}
	return 0
}
