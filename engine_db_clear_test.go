package ginsession_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	mysqldriver "github.com/go-sql-driver/mysql"
	"gorm.io/gorm"

	"github.com/ginsession/ginsession"
)

// TestDBClearBesideTraffic has eight cleaners at work on many rows while visitors come whose
// sessions are about to expire: whoever comes in time keeps the session.
func TestDBClearBesideTraffic(t *testing.T) {
	rows := numberFromEnv(t, "TEST_ROWS", 20_000)
	forEachDB(t, func(t *testing.T, db *gorm.DB, table string) {
		fillTable(t, db, table, rows, start.Add(-time.Hour))
		site := newDBSite(t, db, table, func(cfg *ginsession.Config) { cfg.SaveEveryRequest = true })
		const visitors, cleaners = 60, 8
		var keys []string
		for range 2 * visitors {
			s := site.Open(t.Context(), "")
			s.Set("a", 1)
			s.SetExpiry(ginsession.ExpireAfter(time.Minute))
			save(t, s)
			keys = append(keys, s.Key())
		}
		late, intime := keys[:visitors], keys[visitors:]

		var all sync.WaitGroup
		var removed atomic.Int64
		clean := func() {
			n, err := site.ClearExpired(t.Context(), ginsession.ClearBatchSize(500), ginsession.ClearPause(time.Millisecond))
			if err != nil {
				t.Errorf("ClearExpired: %v", err)
			}
			removed.Add(n)
		}
		for range cleaners {
			all.Go(func() { clean(); clean() })
		}
		site.clock.Advance(59 * time.Second)
		all.Go(func() {
			for _, key := range intime {
				w := dbAsk(site.Manager, http.MethodGet, key, func(c *gin.Context) {})
				if w.Code != http.StatusOK || w.Header().Get("Set-Cookie") == "" {
					t.Errorf("a request beside the cleaners was answered with %d %v", w.Code, w.Header())
				}
			}
			site.clock.Advance(2 * time.Second)
			for _, key := range intime {
				w := dbAsk(site.Manager, http.MethodPost, key, func(c *gin.Context) { dbIncrement(ginsession.Get(c)) })
				if w.Code != http.StatusOK {
					t.Errorf("a request beside the cleaners was answered with %d %v", w.Code, w.Header())
				}
			}
		})
		all.Wait()
		clean()
		check(t, "records removed in all", removed.Load(), int64(rows+visitors))
		for i, keys := range [][]string{late, intime} {
			for _, key := range keys {
				if ok, err := site.Exists(t.Context(), key); ok != (i == 1) || err != nil {
					t.Errorf("a session of a visitor who came in time (%v) exists: %v, %v", i == 1, ok, err)
				}
			}
		}
		var left int64
		db.Table(table).Count(&left)
		check(t, "rows left", left, int64(visitors))
	})
}

// TestDBClearOnOldMySQL has a server that does not know SKIP LOCKED.
func TestDBClearOnOldMySQL(t *testing.T) {
	r := &recorder{refuse: func(statement string) error {
		if strings.Contains(statement, "SKIP LOCKED") {
			return &mysqldriver.MySQLError{Number: 1064, SQLState: [5]byte([]byte("42000")), Message: "You have an error in your SQL syntax"}
		}
		return nil
	}}
	db := openDB(t, recordedMySQL(t, r))
	table := newTable(t, db)
	fillTable(t, db, table, 25, start.Add(-time.Hour))
	site := newDBSite(t, db, table)
	key := dbSignedIn(t, site.Manager, map[string]any{"a": 1})
	removed, err := site.ClearExpired(t.Context(), ginsession.ClearBatchSize(10))
	if removed != 25 || err != nil {
		t.Errorf("ClearExpired: %d, %v; want 25", removed, err)
	}
	if ok, err := site.Exists(t.Context(), key); !ok || err != nil {
		t.Errorf("a live session exists: %v, %v", ok, err)
	}
}

// TestDBClearOnPostgres has tables where many rows have expired and where few have, on many pages.
func TestDBClearOnPostgres(t *testing.T) {
	const rows = 4200 // four to a page: more pages than one statement reads
	for name, tt := range map[string]struct {
		every   int // which rows have expired
		byPages bool
		plan    string // of the statements that delete
	}{
		"every second row": {every: 2, byPages: true, plan: "Tid Range Scan"},
		"few rows":         {every: 8, plan: "Index Scan"},
	} {
		t.Run(name, func(t *testing.T) {
			r := &recorder{}
			db := openDB(t, recordedPostgres(t, r))
			table := newTable(t, db)
			site := newDBSite(t, db, table)
			// The statistics are from when nothing had expired.
			fillPages(t, db, table, rows)
			dbExec(t, db, fmt.Sprintf("UPDATE %s SET expire_date = ? WHERE session_key::int %% %d = 0", table, tt.every), start.Add(-time.Second))
			expired := int64(rows / tt.every)

			held := db.Begin()
			defer held.Rollback()
			dbExec(t, held, "SELECT FROM "+table+" WHERE session_key = ? FOR UPDATE", fmt.Sprintf("%040d", 2400))
			r.taken()
			const batch = 100
			var reported []int64
			removed, err := site.ClearExpired(t.Context(), ginsession.ClearBatchSize(batch), ginsession.ClearProgress(func(n int64) { reported = append(reported, n) }))
			if removed != expired-1 || err != nil {
				t.Errorf("ClearExpired beside a transaction that holds a row: %d, %v; want %d", removed, err, expired-1)
			}
			for i, n := range reported {
				check(t, "reported", n, min(int64(i+1)*batch, removed))
			}
			checkClearing(t, db, table, r.taken(), tt.byPages, tt.plan)
			if err := held.Rollback().Error; err != nil {
				t.Fatal(err)
			}
			if removed, err := site.ClearExpired(t.Context()); removed != 1 || err != nil {
				t.Errorf("ClearExpired when nobody holds the row any more: %d, %v; want 1", removed, err)
			}
			var left int64
			db.Table(table).Where("expire_date > ?", start).Count(&left)
			check(t, "live rows left", left, rows-expired)
		})
	}
}

// checkClearing looks at how the rows were found, and that no plan reads more than it must.
func checkClearing(t *testing.T, db *gorm.DB, table string, statements []string, byPages bool, plan string) {
	t.Helper()
	seen := map[string]bool{}
	for _, statement := range statements {
		if !strings.Contains(statement, "DELETE") || seen[statement] {
			continue
		}
		seen[statement] = true
		args := "'-infinity', '" + start.Format(time.RFC3339) + "', 100, '" + start.Format(time.RFC3339) + "'"
		if pages := strings.Contains(statement, "tid)"); pages != byPages {
			t.Errorf("the rows were found by pages: %v", pages)
			continue
		} else if pages {
			args = "'(0,0)', '(500,0)', " + strings.TrimPrefix(args, "'-infinity', ")
		}
		err := db.Connection(func(db *gorm.DB) error {
			dbExec(t, db, "PREPARE clearing AS "+statement)
			defer db.Exec("DEALLOCATE clearing")
			var lines []string
			err := db.Raw("EXPLAIN EXECUTE clearing(" + args + ")").Scan(&lines).Error
			text := strings.Join(lines, "\n")
			checkContains(t, text, plan)
			if _, deleting, _ := strings.Cut(text, "->  Delete on"); strings.Contains(text, "Seq Scan") || strings.Count(deleting, "Tid Scan") != 1 {
				t.Errorf("a plan that reads too much:\n%s", text)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
	check(t, "deleting statements that differ", len(seen), 1)
}

// TestDBClearTriesAgain has a transaction in the middle of a batch rolled back, before and after it
// has answered: serializable ones may fail at their end.
func TestDBClearTriesAgain(t *testing.T) {
	db := openPostgres(t)
	for name, trigger := range map[string]string{
		"while it runs": "CREATE TRIGGER fail BEFORE DELETE ON {t}",
		"at its end":    "CREATE CONSTRAINT TRIGGER fail AFTER DELETE ON {t} DEFERRABLE INITIALLY DEFERRED",
	} {
		for way, expired := range map[string]int{"by pages": 4200, "along the index": 1000} {
			t.Run(way+", "+name, func(t *testing.T) {
				table := newTable(t, db)
				fillPages(t, db, table, 4200)
				for _, statement := range []string{
					"CREATE SEQUENCE {t}_deletions OWNED BY {t}.session_key",
					"CREATE FUNCTION {t}_fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN " +
						fmt.Sprintf("IF nextval('{t}_deletions') = %d THEN ", expired-100) +
						"RAISE 'no' USING ERRCODE = 'serialization_failure'; END IF; RETURN OLD; END $$",
					trigger + " FOR EACH ROW EXECUTE FUNCTION {t}_fail()",
				} {
					dbExec(t, db, strings.ReplaceAll(statement, "{t}", table))
				}
				defer db.Exec("DROP FUNCTION " + table + "_fail CASCADE")
				site := newDBSite(t, db, table)
				site.clock.Advance(time.Hour + time.Duration(expired)*100*time.Millisecond + time.Millisecond)
				removed, err := site.ClearExpired(t.Context())
				if removed != int64(expired) || err != nil {
					t.Errorf("ClearExpired: %d, %v; want %d", removed, err, expired)
				}
				var deletions int
				db.Raw("SELECT last_value FROM " + table + "_deletions").Scan(&deletions)
				if deletions <= expired {
					t.Errorf("%d deletions of %d rows: no transaction was rolled back", deletions, expired)
				}
			})
		}
	}
}

// fillPages inserts rows for an hour, about four to a page, in PostgreSQL, and has it look at
// them.
func fillPages(t *testing.T, db *gorm.DB, table string, rows int) {
	t.Helper()
	dbExec(t, db, "ALTER TABLE "+table+" SET (autovacuum_enabled = off)")
	dbExec(t, db, "INSERT INTO "+table+" SELECT lpad(i::text, 40, '0'), repeat('x', 1800), ?::timestamptz + i * interval '0.1 second' FROM generate_series(1, ?) AS i",
		start.Add(time.Hour), rows)
	dbExec(t, db, "VACUUM ANALYZE "+table)
}

// fillTable inserts rows that have expired.
func fillTable(t *testing.T, db *gorm.DB, table string, rows int, expires time.Time) {
	t.Helper()
	models := make([]ginsession.Model, rows)
	for i := range models {
		models[i] = ginsession.Model{SessionKey: fmt.Sprintf("%040d", i), SessionData: "{}", ExpireDate: expires}
	}
	if err := db.Table(table).CreateInBatches(models, 1000).Error; err != nil {
		t.Fatal(err)
	}
}
