package main

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"sync"
	"time"

	"gorm.io/gorm"

	"github.com/ginsession/ginsession"
)

// cleaning is ClearExpired beside one DELETE, on tables of the same rows, half of them expired,
// while another connection updates live sessions.
type cleaning struct {
	Database  string
	Rows      int
	Batches   sweep
	OneDelete sweep
}

// A sweep is one way to clean, and what the writer beside it saw.
type sweep struct {
	Removed  int64
	Seconds  float64
	WALBytes float64  // the largest that SQLite's write-ahead log was
	Updates  []update // while it ran
}

// An update is one UPDATE of the writer: when it began and how long it took.
type update struct{ AtMillis, Millis float64 }

func (s sweep) sorted() []float64 {
	took := make([]float64, len(s.Updates))
	for i, u := range s.Updates {
		took[i] = u.Millis
	}
	slices.Sort(took)
	return took
}

func (s sweep) longest() float64 { return s.quantile(1) }

func (s sweep) quantile(q float64) float64 {
	took := s.sorted()
	if len(took) == 0 {
		return 0
	}
	return took[min(int(q*float64(len(took))), len(took)-1)]
}

func clean(database string, rows int) (cleaning, error) {
	c := cleaning{Database: database, Rows: rows}
	var err error
	c.Batches, err = sweepTable(database, rows, func(ctx context.Context, t *expiredTable) (int64, error) {
		return t.manager.ClearExpired(ctx)
	})
	if err != nil {
		return c, err
	}
	c.OneDelete, err = sweepTable(database, rows, func(ctx context.Context, t *expiredTable) (int64, error) {
		result := t.db.WithContext(ctx).Exec("DELETE FROM gin_session WHERE expire_date < ?", t.date(time.Now()))
		return result.RowsAffected, result.Error
	})
	return c, err
}

func sweepTable(database string, rows int, remove func(context.Context, *expiredTable) (int64, error)) (sweep, error) {
	t, err := newExpiredTable(database, rows)
	if err != nil {
		return sweep{}, err
	}
	defer t.environment.close()
	ctx := context.Background()
	write, err := t.updater()
	if err != nil {
		return sweep{}, err
	}
	for i := range 50 { // connections, plans
		if err := write(i); err != nil {
			return sweep{}, err
		}
	}
	watch := t.startWatch(write)
	began := time.Now()
	removed, err := remove(ctx, t)
	s := sweep{Removed: removed, Seconds: time.Since(began).Seconds()}
	if err = firstError(err, watch.stop()); err != nil {
		return s, err
	}
	s.Updates, s.WALBytes = watch.updates, watch.wal
	log.Printf("%s: removed %d of %d rows in %.1f s; %d updates beside it, the longest %.1f ms", database, removed, rows, s.Seconds, len(s.Updates), s.longest())
	return s, nil
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// An expiredTable is a sessions table half of whose rows have expired.
type expiredTable struct {
	environment *environment
	database    string
	db          *gorm.DB
	pool        *sql.DB
	file        string // of SQLite's database
	manager     *ginsession.Manager
	site        *site
	live        []string // keys of rows that have not expired, as the table has them
	cookies     []string // keys of live sessions, as cookies have them
}

func newExpiredTable(database string, rows int) (t *expiredTable, err error) {
	t = &expiredTable{environment: &environment{content: small, rows: max(rows, baseRows+1)}, database: database}
	defer func() {
		if err != nil {
			t.environment.close()
		}
	}()
	if t.db, t.pool, err = t.environment.gorm(database); err != nil {
		return nil, err
	}
	if database == "SQLite" {
		if err := t.pool.QueryRow("SELECT file FROM pragma_database_list WHERE name = 'main'").Scan(&t.file); err != nil {
			return nil, err
		}
	}
	if err := ginsession.Migrate(t.db); err != nil {
		return nil, err
	}
	t.manager, err = ginsession.NewManager(ginsession.Config{Engine: ginsession.DB(t.db), Logger: silent, StoreTimeout: storeTimeout})
	if err != nil {
		return nil, err
	}
	if t.site, err = newSite(ourHandler(t.manager, &clock{every: baseRows}, small.sessions(1)), 1); err != nil {
		return nil, err
	}
	if database == "SQLite" {
		err = fillElsewhere(t.file, rows)
	} else {
		err = fillExpired(t.pool, database, rows)
	}
	if err != nil {
		return nil, err
	}
	return t, t.findLive(rows)
}

// fillExpired makes so many copies of a table's one session, which end within two weeks before
// and after now, in no order.
func fillExpired(pool *sql.DB, database string, rows int) error {
	expires := "strftime('%Y-%m-%d %H:%M:%f000', 'now', (random() % 1209600) || ' seconds')"
	if database == "PostgreSQL" {
		expires = "now() + (random() * 2 - 1) * interval '14 days'"
	}
	return copyRows(pool, database, copyOf{
		table: "gin_session", key: "session_key", rows: rows,
		keyOf: func(i int) string { return digest(cookieKey(i)) },
		set:   map[string]string{"expire_date": expires},
	})
}

// fillElsewhere has a process of its own fill a SQLite table: the memory that this takes is not
// to be taken for ours.
func fillElsewhere(file string, rows int) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	process := exec.Command(program, "fill", "-file", file, "-rows", strconv.Itoa(rows))
	process.Stderr = os.Stderr
	return process.Run()
}

// fill is that process.
func fill(args []string) error {
	flags := flag.NewFlagSet("fill", flag.ExitOnError)
	file := flags.String("file", "", "")
	rows := flags.Int("rows", 0, "")
	_ = flags.Parse(args)

	e := &environment{}
	defer e.close()
	return fillExpired(e.sqliteAt(*file), "SQLite", *rows)
}

// findLive looks for sessions that go on living.
func (t *expiredTable) findLive(rows int) error {
	query := "SELECT expire_date > $1 FROM gin_session WHERE session_key = $2"
	later := t.date(time.Now().Add(24 * time.Hour))
	for i := 0; i < rows && len(t.live) < 2000; i += max(1, rows/8000) {
		var alive bool
		key := cookieKey(i)
		if err := t.pool.QueryRow(query, later, digest(key)).Scan(&alive); err != nil {
			return err
		}
		if alive {
			t.live = append(t.live, digest(key))
			t.cookies = append(t.cookies, key)
		}
	}
	if len(t.live) == 0 {
		return fmt.Errorf("no live session among %d", rows)
	}
	return nil
}

func (t *expiredTable) date(at time.Time) any {
	if t.database == "SQLite" {
		return at.UTC().Format("2006-01-02 15:04:05.000000")
	}
	return at.UTC()
}

// A watch updates live sessions, one after the other, and looks at the size of the log.
type watch struct {
	updates []update
	wal     float64
	err     error
	end     context.CancelFunc
	group   sync.WaitGroup
}

// startWatch begins to call write, a millisecond after the last call was done, and looks how
// long SQLite's log gets.
func (t *expiredTable) startWatch(write func(i int) error) *watch {
	ctx, end := context.WithCancel(context.Background())
	w := &watch{end: end}
	start := time.Now()
	w.group.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			began := time.Now()
			if err := write(i); err != nil {
				w.err = err
				return
			}
			w.updates = append(w.updates, update{millis(began.Sub(start)), millis(time.Since(began))})
			pause(ctx, time.Millisecond)
		}
	})
	if t.file != "" {
		w.group.Go(func() {
			for ctx.Err() == nil {
				if info, err := os.Stat(t.file + "-wal"); err == nil {
					w.wal = max(w.wal, float64(info.Size()))
				}
				pause(ctx, 20*time.Millisecond)
			}
		})
	}
	return w
}

func (w *watch) stop() error {
	w.end()
	w.group.Wait()
	return w.err
}

// updater returns a plain UPDATE of live session i.
func (t *expiredTable) updater() (func(i int) error, error) {
	stmt, err := t.pool.Prepare("UPDATE gin_session SET session_data = $1, expire_date = $2 WHERE session_key = $3")
	if err != nil {
		return nil, err
	}
	text, err := jsonOf(small.of(0))
	if err != nil {
		return nil, err
	}
	return func(i int) error {
		expires := time.Now().Add(14*24*time.Hour + time.Duration(i)*time.Second)
		_, err := stmt.Exec(changed(text, int64(i)), t.date(expires), t.live[i%len(t.live)])
		return err
	}, nil
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// pause waits for d or for the context's end.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
