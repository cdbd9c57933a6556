package ginsession_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"log"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	mysqldriver "github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
	"gorm.io/gorm/schema"
	"gorm.io/plugin/dbresolver"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/enginetest"
	"github.com/ginsession/ginsession/internal/testserver"
)

// dbVariants are ways to open a database that change how statements reach it, or what its
// driver makes of them.
var dbVariants = map[string]func(t *testing.T) *gorm.DB{
	"sqlite with one connection": func(t *testing.T) *gorm.DB {
		db := openSQLite(t)
		pool, _ := db.DB()
		pool.SetMaxOpenConns(1)
		return db
	},
	"sqlite with prepared statements": func(t *testing.T) *gorm.DB {
		return openSQLite(t, &gorm.Config{PrepareStmt: true, TranslateError: true})
	},
	"sqlite with a rollback journal": func(t *testing.T) *gorm.DB {
		return openDB(t, sqlite.Open("file:"+filepath.Join(t.TempDir(), "test.db")+"?_synchronous=OFF"))
	},
	"sqlite with a plugin": func(t *testing.T) *gorm.DB { return withPlugin(t, openSQLite(t)) },
	"postgres with a plugin": func(t *testing.T) *gorm.DB {
		return withPlugin(t, openPostgres(t, &gorm.Config{TranslateError: true}))
	},
	"postgres with the simple protocol": func(t *testing.T) *gorm.DB {
		return openDB(t, postgres.New(postgres.Config{DSN: testserver.Env(t, "TEST_POSTGRES_DSN"), PreferSimpleProtocol: true}))
	},
	"postgres with serializable transactions in another time zone": func(t *testing.T) *gorm.DB {
		const settings = "&default_transaction_isolation=serializable&timezone=Asia/Kathmandu"
		return openDB(t, postgres.Open(testserver.Env(t, "TEST_POSTGRES_DSN")+settings))
	},
	"mysql in local time with dates as text": func(t *testing.T) *gorm.DB {
		return openMySQLWith(t, func(c *mysqldriver.Config) {
			c.ParseTime = false
			var err error
			if c.Loc, err = time.LoadLocation("America/New_York"); err != nil {
				testserver.Missing(t, fmt.Sprintf("no time zones: %v", err))
			}
			c.Params["time_zone"] = "'+05:45'"
		})
	},
	"mysql that interpolates and counts found rows": func(t *testing.T) *gorm.DB {
		return openMySQLWith(t, func(c *mysqldriver.Config) { c.InterpolateParams, c.ClientFoundRows = true, true })
	},
}

func TestDBVariants(t *testing.T) {
	for name, open := range dbVariants {
		t.Run(name, func(t *testing.T) {
			db := open(t)
			enginetest.Store(t, func(t *testing.T) ginsession.Store {
				return openStore(t, ginsession.Config{Engine: ginsession.DB(db, ginsession.TableName(newTable(t, db)))})
			})
		})
	}
}

func openMySQLWith(t *testing.T, change func(*mysqldriver.Config)) *gorm.DB {
	t.Helper()
	config, err := mysqldriver.ParseDSN(testserver.Env(t, "TEST_MYSQL_DSN"))
	if err != nil {
		t.Fatal(err)
	}
	if config.Params == nil {
		config.Params = map[string]string{}
	}
	change(config)
	return openDB(t, mysql.Open(config.FormatDSN()))
}

// A plugin is one that has to see every statement.
type plugin struct{ seen atomic.Int64 }

func (*plugin) Name() string { return "test" }

func (p *plugin) Initialize(db *gorm.DB) error {
	see := func(*gorm.DB) { p.seen.Add(1) }
	return errors.Join(
		db.Callback().Raw().Before("gorm:raw").Register("test:raw", see),
		db.Callback().Row().Before("gorm:row").Register("test:row", see),
	)
}

func withPlugin(t *testing.T, db *gorm.DB) *gorm.DB {
	t.Helper()
	if err := db.Use(&plugin{}); err != nil {
		t.Fatal(err)
	}
	return db
}

// TestDBPluginSees has every statement of a session pass a plugin, and none of them in a
// transaction that nobody needs.
func TestDBPluginSees(t *testing.T) {
	forEachRecordedDB(t, func(t *testing.T, db *gorm.DB, table string, r *recorder) {
		p := &plugin{}
		if err := db.Use(p); err != nil {
			t.Fatal(err)
		}
		site := newDBSite(t, db, table)
		r.taken()
		v := site.visitor(t)
		v.post(func(s *ginsession.Session) { s.Set("a", 1) })
		v.post(func(s *ginsession.Session) { s.Set("a", 2) })
		v.post(func(s *ginsession.Session) { _ = s.Flush() })
		check(t, "statements through GORM", r.takenVerbs(), "INSERT SELECT UPDATE DELETE")
		check(t, "statements that the plugin saw", p.seen.Load(), int64(4))
	})
}

// TestDBCallbackSees has a callback that the user registered without a plugin.
func TestDBCallbackSees(t *testing.T) {
	for name, register := range map[string]func(db *gorm.DB, see func(*gorm.DB)) error{
		"Raw": func(db *gorm.DB, see func(*gorm.DB)) error {
			return db.Callback().Raw().After("gorm:raw").Register("test", see)
		},
		"Row": func(db *gorm.DB, see func(*gorm.DB)) error {
			return db.Callback().Row().Before("gorm:row").Register("test", see)
		},
	} {
		t.Run(name, func(t *testing.T) {
			db := openSQLite(t)
			var seen atomic.Int64
			if err := register(db, func(*gorm.DB) { seen.Add(1) }); err != nil {
				t.Fatal(err)
			}
			site := newDBSite(t, db, newTable(t, db))
			seen.Store(0)
			v := site.visitor(t)
			v.post(func(s *ginsession.Session) { s.Set("a", 1) })
			v.post(func(s *ginsession.Session) { s.Get("a") })
			check(t, "statements that the callback saw", seen.Load(), int64(1))
		})
	}
}

// TestDBReadsThePrimary has a replica that never hears of anything.
func TestDBReadsThePrimary(t *testing.T) {
	db := openSQLite(t)
	table := newTable(t, db)
	replica := filepath.Join(t.TempDir(), "replica.db")
	if err := ginsession.Migrate(openDB(t, sqlite.Open(sqliteDSN(replica))), ginsession.TableName(table)); err != nil {
		t.Fatal(err)
	}
	useResolver(t, db, dbresolver.Config{Replicas: []gorm.Dialector{sqlite.Open(sqliteDSN(replica))}})
	site := newDBSite(t, db, table)
	v := site.visitor(t)
	v.post(func(s *ginsession.Session) { s.Set("a", 1) })
	v.get(func(s *ginsession.Session) { check(t, "what was read", s.Get("a"), any(int64(1))) })
	key := v.key()
	v.post(func(s *ginsession.Session) {
		s.Set("b", 1)
		site.somebodyElse(t, key, func(s *ginsession.Session) { s.Set("c", 1) })
	})
	v.get(func(s *ginsession.Session) { check(t, "the keys after a merge", s.Keys(), []string{"a", "b", "c"}) })

	var rows int64
	if err := db.Table(table).Count(&rows).Error; err != nil {
		t.Fatal(err)
	}
	check(t, "rows at the replica, where the program's own queries go", rows, int64(0))
}

func TestDBTableNames(t *testing.T) {
	prefixed := &gorm.Config{NamingStrategy: schema.NamingStrategy{TablePrefix: "app_", SingularTable: true}}
	for _, c := range []struct {
		name    string
		options []ginsession.DBOption
		want    string
	}{
		{"default", nil, "gin_session"},
		{"chosen", []ginsession.DBOption{ginsession.TableName("visitors")}, "visitors"},
		{"a reserved word", []ginsession.DBOption{ginsession.TableName("order")}, "order"},
		{"awkward", []ginsession.DBOption{ginsession.TableName("Web-Sessions")}, "Web-Sessions"},
	} {
		t.Run(c.name, func(t *testing.T) {
			db := openSQLite(t, prefixed)
			if err := ginsession.Migrate(db, c.options...); err != nil {
				t.Fatal(err)
			}
			tables, err := db.Migrator().GetTables()
			if err != nil {
				t.Fatal(err)
			}
			check(t, "tables", tables, []string{c.want})
			site := newSite(t, func(cfg *ginsession.Config) { cfg.Engine = ginsession.DB(db, c.options...) })
			v := site.visitor(t)
			v.post(func(s *ginsession.Session) { s.Set("a", 1) })
			v.get(func(s *ginsession.Session) { check(t, "what was read", s.Get("a"), any(int64(1))) })
			site.clock.Advance(15 * 24 * time.Hour)
			removed, err := site.ClearExpired(t.Context())
			if removed != 1 || err != nil {
				t.Errorf("ClearExpired: %d, %v", removed, err)
			}
		})
	}
}

func TestDBRefuses(t *testing.T) {
	db := openSQLite(t)
	begun := db.Begin()
	t.Cleanup(func() { begun.Rollback() })
	failed := db.Where("1 = 1")
	_ = failed.AddError(errors.New("an error of before"))
	for name, c := range map[string]struct {
		engine ginsession.Engine
		want   string
	}{
		"nil":                   {ginsession.DB(nil), "gorm.Open"},
		"empty":                 {ginsession.DB(&gorm.DB{}), "gorm.Open"},
		"with an error":         {ginsession.DB(failed), "an error of before"},
		"inside a transaction":  {ginsession.DB(begun), "inside a transaction"},
		"of another kind":       {ginsession.DB(openDB(t, oracle{db.Dialector})), "not supported"},
		"with Django's table":   {ginsession.DB(db, ginsession.TableName("django_session")), "HashKeys"},
		"with a foreign model":  {ginsession.DB(db, ginsession.Columns(&struct{ ID int }{}, nil)), "embed ginsession.Model"},
		"with no filling":       {ginsession.DB(db, ginsession.Columns(&accountSession{}, nil)), "nil"},
		"with what is no model": {ginsession.DB(db, ginsession.Columns(3, nil)), "Columns"},
	} {
		_, err := ginsession.NewManager(ginsession.Config{Engine: c.engine})
		if !errors.Is(err, ginsession.ErrConfig) || !strings.Contains(fmt.Sprint(err), c.want) {
			t.Errorf("NewManager with a *gorm.DB %s: %v; want an ErrConfig that says %q", name, err, c.want)
		}
	}
	prepared := openSQLite(t, &gorm.Config{PrepareStmt: true})
	_ = prepared.Transaction(func(tx *gorm.DB) error {
		if err := ginsession.Migrate(tx); !errors.Is(err, ginsession.ErrConfig) {
			t.Errorf("Migrate inside a transaction: %v; want an ErrConfig", err)
		}
		return nil
	})
}

// oracle is a database that this package does not know.
type oracle struct{ gorm.Dialector }

func (oracle) Name() string { return "oracle" }

func TestDBMissingTable(t *testing.T) {
	forEachEmptyDB(t, func(t *testing.T, db *gorm.DB) {
		var told []error
		site := newSite(t, func(cfg *ginsession.Config) {
			cfg.Engine = ginsession.DB(db, ginsession.TableName("nowhere"))
			cfg.ErrorHandler = recordErrors(&told)
		})
		v := site.visitor(t)
		check(t, "status of a write", v.post(func(s *ginsession.Session) { s.Set("a", 1) }).StatusCode, http.StatusServiceUnavailable)
		v.setKey(strings.Repeat("k", 32))
		check(t, "status of a read", v.get(func(s *ginsession.Session) { s.Get("a") }).StatusCode, http.StatusServiceUnavailable)
		_, err := site.ClearExpired(t.Context())
		told = append(told, err, site.Delete(t.Context(), v.key()))
		check(t, "errors", len(told), 4)
		for _, err := range told {
			if !errors.Is(err, ginsession.ErrUnavailable) || !strings.Contains(err.Error(), "nowhere: run ginsession.Migrate") {
				t.Errorf("without the table: %v; want an ErrUnavailable that says what to run", err)
			}
		}
	})
}

func TestDBForeignKey(t *testing.T) {
	forEachEmptyDB(t, func(t *testing.T, db *gorm.DB) {
		if db.Name() == "sqlite" {
			db = openDB(t, sqlite.Open(sqliteDSN(filepath.Join(t.TempDir(), "fk.db"))+"&_foreign_keys=1"))
		}
		table, child := newTable(t, db), newTableName(t, db)
		site := newDBSite(t, db, table)
		v := site.visitor(t)
		v.post(func(s *ginsession.Session) { s.Set("a", 1) })
		dbExec(t, db, "CREATE TABLE "+child+" (session_key varchar(40), FOREIGN KEY (session_key) REFERENCES "+table+" (session_key))")
		dbExec(t, db, "INSERT INTO "+child+" SELECT session_key FROM "+table)

		const want = "a foreign key of another table points at"
		_, err := func() (int64, error) {
			site.clock.Advance(15 * 24 * time.Hour)
			defer site.clock.Advance(-15 * 24 * time.Hour)
			return site.ClearExpired(t.Context())
		}()
		checkContains(t, fmt.Sprint("ClearExpired: ", err), want)
		checkContains(t, fmt.Sprint("Delete: ", site.Delete(t.Context(), v.key())), want)
		v.post(func(s *ginsession.Session) {
			_ = s.CycleKey()
			checkContains(t, fmt.Sprint("Save after CycleKey: ", s.Save()), want)
			_ = s.Flush()
		})
		dbExec(t, db, "DELETE FROM "+child)
	})
}

func dbExec(t *testing.T, db *gorm.DB, statement string, args ...any) {
	t.Helper()
	if err := db.Exec(statement, args...).Error; err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// TestDBDates looks at the dates as they are stored, and reads some that others have written.
func TestDBDates(t *testing.T) {
	texts := map[string]string{
		"sqlite":   "CAST(expire_date AS TEXT)",
		"mysql":    "CAST(expire_date AS CHAR)",
		"postgres": "to_char(expire_date AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')",
	}
	forEachDB(t, func(t *testing.T, db *gorm.DB, table string) {
		site := newDBSite(t, db, table)
		v := site.visitor(t)
		site.clock.Advance(123456 * time.Microsecond)
		v.post(func(s *ginsession.Session) { s.Set("a", 1); s.SetExpiry(ginsession.ExpireAfter(time.Hour)) })
		var stored string
		db.Raw("SELECT " + texts[db.Name()] + " FROM " + table).Scan(&stored)
		fraction := map[string]string{"postgres": ".000000", "mysql": ".000000"}[db.Name()]
		check(t, "expire_date as stored", stored, "2026-11-23 05:45:01"+fraction)

		for _, text := range []string{"2026-11-23 05:45:00", "2026-11-23 05:45:00.5", "2026-11-23 05:45:00.123456"} {
			if db.Name() == "postgres" {
				dbExec(t, db, "UPDATE "+table+" SET expire_date = '"+text+"+00'")
			} else {
				dbExec(t, db, "UPDATE "+table+" SET expire_date = '"+text+"'")
			}
			v.get(func(s *ginsession.Session) {
				check(t, "a session with the expire_date "+text, s.Get("a"), any(int64(1)))
				check(t, "its error", s.Err(), error(nil))
			})
		}
	})
}

// TestDBKeepsKeysFromLogs has GORM log everything, and errors happen.
func TestDBKeepsKeysFromLogs(t *testing.T) {
	forEachEmptyDB(t, func(t *testing.T, db *gorm.DB) {
		var lines bytes.Buffer
		everything := logger.New(log.New(&lines, "", 0), logger.Config{LogLevel: logger.Info, SlowThreshold: 1})
		loud := db.Session(&gorm.Session{Logger: everything})
		table := newTable(t, loud)
		var told []error
		site := newDBSite(t, loud.Debug(), table, func(cfg *ginsession.Config) { cfg.ErrorHandler = recordErrors(&told) })
		v := site.visitor(t)
		keys := []string{}
		for _, handle := range []func(*ginsession.Session){
			func(s *ginsession.Session) { s.Set("a", "secret") },
			func(s *ginsession.Session) { s.Set("a", "secrets") },
			func(s *ginsession.Session) {
				s.Set("b", 1)
				site.somebodyElse(t, s.Key(), func(s *ginsession.Session) { s.Set("c", 1) })
			},
			func(s *ginsession.Session) { _ = s.CycleKey() },
			func(*ginsession.Session) { dbExec(t, db, "DROP TABLE "+table) },
			func(s *ginsession.Session) { s.Set("a", "secret") },
		} {
			v.post(handle)
			keys = append(keys, v.key())
		}
		check(t, "errors", len(told), 2) // of the two requests after the table was dropped
		text := lines.String() + site.log.String() + fmt.Sprint(told)
		for _, secret := range append(keys, "secret") {
			if secret != "" && strings.Contains(text, secret) {
				t.Errorf("%q was logged or told:\n%s", secret, text)
			}
		}
	})
}

// recordErrors is an ErrorHandler that keeps what it is told.
func recordErrors(told *[]error) func(*gin.Context, error) {
	return func(c *gin.Context, err error) {
		*told = append(*told, err)
		c.Status(http.StatusServiceUnavailable)
	}
}

// An accountSession is a table in which sessions can be looked up by their account.
type accountSession struct {
	ginsession.Model
	AccountID *string `gorm:"size:40;index"`
	Visits    int64   `gorm:"column:number_of_visits;not null;default:0"`
}

func accountColumns(data map[string]any) map[string]any {
	visits, _ := data["visits"].(int64)
	return map[string]any{"account_id": data["user"], "number_of_visits": visits}
}

func TestDBColumns(t *testing.T) {
	forEachEmptyDB(t, func(t *testing.T, db *gorm.DB) {
		for name, secret := range map[string]string{"unsigned": "", "signed": "a secret key of some length, for records"} {
			t.Run(name, func(t *testing.T) {
				table := newTableName(t, db)
				options := []ginsession.DBOption{ginsession.TableName(table), ginsession.Columns(&accountSession{}, accountColumns)}
				if err := ginsession.Migrate(db, options...); err != nil {
					t.Fatal(err)
				}
				site := newSite(t, func(cfg *ginsession.Config) {
					cfg.Engine, cfg.SecretKey = ginsession.DB(db, options...), secret
				})
				row := func() accountSession {
					var r accountSession
					if err := db.Table(table).Take(&r).Error; err != nil {
						t.Error(err)
					}
					return r
				}
				v := site.visitor(t)
				v.post(func(s *ginsession.Session) { s.Set("a", 1) })
				check(t, "account of an anonymous session", row().AccountID, (*string)(nil))
				v.post(func(s *ginsession.Session) { _ = s.CycleKey(); s.Set("user", "u7") })
				check(t, "account after the sign-in", *row().AccountID, "u7")
				v.post(func(s *ginsession.Session) {
					s.Set("visits", 3)
					site.somebodyElse(t, s.Key(), func(s *ginsession.Session) { s.Set("user", "u8") })
				})
				check(t, "account after a merge", *row().AccountID, "u8")
				check(t, "visits after a merge", row().Visits, int64(3))
				v.get(func(s *ginsession.Session) { check(t, "what was read", s.Get("user"), any("u8")) })
			})
		}
	})
}

// TestDBTableInAnotherSchema has the table outside the connection's own schema.
func TestDBTableInAnotherSchema(t *testing.T) {
	db := openPostgres(t)
	schema := "s_" + strings.ToLower(rand.Text()[:12])
	dbExec(t, db, "CREATE SCHEMA "+schema)
	t.Cleanup(func() { dbExec(t, db, "DROP SCHEMA "+schema+" CASCADE") })
	for range 2 {
		if err := ginsession.Migrate(db, ginsession.TableName(schema+".sessions")); err != nil {
			t.Fatal(err)
		}
	}
	site := newDBSite(t, db, schema+".sessions")
	v := site.visitor(t)
	v.post(func(s *ginsession.Session) { s.Set("a", 1) })
	v.get(func(s *ginsession.Session) { check(t, "what was read", s.Get("a"), any(int64(1))) })
	site.clock.Advance(15 * 24 * time.Hour)
	removed, err := site.ClearExpired(t.Context())
	if removed != 1 || err != nil {
		t.Errorf("ClearExpired: %d, %v", removed, err)
	}
}

// TestDBPostgresPrepares asks the server what was prepared: PgBouncer bears no prepared
// statement, and whoever uses it says so to the driver.
func TestDBPostgresPrepares(t *testing.T) {
	for name, simple := range map[string]bool{"simple protocol": true, "extended protocol": false} {
		t.Run(name, func(t *testing.T) {
			db := openDB(t, postgres.New(postgres.Config{DSN: testserver.Env(t, "TEST_POSTGRES_DSN"), PreferSimpleProtocol: simple}))
			pool, _ := db.DB()
			pool.SetMaxOpenConns(1)
			site := newDBSite(t, db, newTable(t, db))
			v := site.visitor(t)
			v.post(func(s *ginsession.Session) { s.Set("a", 1) })
			v.post(func(s *ginsession.Session) { s.Set("a", 2) })
			var prepared int64
			err := pool.QueryRowContext(t.Context(), "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%session_key%'", pgx.QueryExecModeSimpleProtocol).Scan(&prepared)
			if err != nil {
				t.Fatal(err)
			}
			check(t, "whether the server has prepared statements", prepared > 0, !simple)
		})
	}
}

// GORM's Row panics if it prepares statements and one cannot be prepared.
func TestDBStatementThatCannotBePrepared(t *testing.T) {
	db := openPostgres(t, &gorm.Config{PrepareStmt: true})
	store, err := ginsession.OpenStore(ginsession.Config{Engine: ginsession.DB(db, ginsession.TableName("no_such_table"))})
	if err != nil {
		t.Fatal(err)
	}
	_, err = store.Update(t.Context(), "abcdefgh", ginsession.Record{}, time.Now(), func(r ginsession.Record) (ginsession.Record, error) {
		return r, nil
	})
	if err == nil || !strings.Contains(err.Error(), "run ginsession.Migrate") {
		t.Errorf("Update without a table: %v, want to be told to run Migrate", err)
	}
}
