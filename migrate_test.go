package ginsession_test

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"gorm.io/driver/mysql"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/internal/testserver"
)

// schemaOf describes a table as its database does: columns, keys and indexes.
func schemaOf(t *testing.T, db *gorm.DB, table string) string {
	t.Helper()
	query := map[string]string{
		"sqlite": "SELECT name || ': ' || coalesce(sql, '') FROM sqlite_master WHERE tbl_name = @table ORDER BY name",
		"postgres": `SELECT column_name || ' ' || data_type || coalesce(character_maximum_length, datetime_precision, 0) || is_nullable || coalesce(column_default, '')
			FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = @table
			UNION SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema() AND tablename = @table ORDER BY 1`,
		"mysql": `SELECT concat_ws(' ', column_name, column_type, is_nullable, column_key, column_default)
			FROM information_schema.columns WHERE table_schema = database() AND table_name = @table
			UNION SELECT concat_ws(' ', index_name, non_unique, seq_in_index, column_name)
			FROM information_schema.statistics WHERE table_schema = database() AND table_name = @table ORDER BY 1`,
	}[db.Name()]
	var lines []string
	if err := db.Raw(query, map[string]any{"table": table}).Scan(&lines).Error; err != nil {
		t.Fatal(err)
	}
	if len(lines) == 0 {
		t.Fatalf("there is no table %s", table)
	}
	return strings.Join(lines, "\n")
}

// tables lists the tables.
func tables(t *testing.T, db *gorm.DB) []string {
	t.Helper()
	names, err := db.Migrator().GetTables()
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	return names
}

func migrate(t *testing.T, db *gorm.DB, options ...ginsession.DBOption) {
	t.Helper()
	if err := ginsession.Migrate(db, options...); err != nil {
		t.Fatal(err)
	}
}

func TestMigrate(t *testing.T) {
	want := map[string][]string{
		"sqlite": {"`session_key` varchar(40)", "PRIMARY KEY (`session_key`)", "`session_data` text NOT NULL", "`expire_date` datetime NOT NULL", "(`expire_date`)"},
		"postgres": {"session_key character varying40NO", "session_data text0NO", "expire_date timestamp with time zone6NO",
			"UNIQUE INDEX", "(session_key)", "btree (expire_date)"},
		"mysql": {"session_key varchar(40) NO PRI", "session_data longtext NO", "expire_date datetime(6) NO MUL", "PRIMARY 0 1 session_key"},
	}
	forEachEmptyDB(t, func(t *testing.T, db *gorm.DB) {
		table := newTableName(t, db)
		migrate(t, db, ginsession.TableName(table))
		schema := schemaOf(t, db, table)
		checkContains(t, schema, want[db.Name()]...)
		for range 3 {
			migrate(t, db, ginsession.TableName(table))
		}
		check(t, "the schema after migrating again", schemaOf(t, db, table), schema)
	})
}

func TestMigrateLeavesOtherTables(t *testing.T) {
	forEachEmptyDB(t, func(t *testing.T, db *gorm.DB) {
		other, table := newTableName(t, db), newTableName(t, db)
		dbExec(t, db, "CREATE TABLE "+other+" (id int PRIMARY KEY, expire_date varchar(9))")
		dbExec(t, db, "INSERT INTO "+other+" VALUES (7, 'never')")
		before := schemaOf(t, db, other)
		migrate(t, db, ginsession.TableName(table))
		check(t, "the schema of another table", schemaOf(t, db, other), before)
		var rows []string
		db.Raw("SELECT expire_date FROM " + other).Scan(&rows)
		check(t, "the rows of another table", rows, []string{"never"})
	})
}

// TestAutoMigrate has GORM make the table, which Migrate then leaves as it is.
func TestAutoMigrate(t *testing.T) {
	db := openSQLite(t)
	if err := db.AutoMigrate(&ginsession.Model{}); err != nil {
		t.Fatal(err)
	}
	check(t, "tables", tables(t, db), []string{"gin_session"})
	forEachEmptyDB(t, func(t *testing.T, db *gorm.DB) {
		byMigrate, byGORM := newTable(t, db), newTableName(t, db)
		if err := db.Table(byGORM).AutoMigrate(&ginsession.Model{}); err != nil {
			t.Fatal(err)
		}
		schema := schemaOf(t, db, byGORM)
		check(t, "the schema by AutoMigrate", strings.ReplaceAll(schema, byGORM, byMigrate), schemaOf(t, db, byMigrate))
		migrate(t, db, ginsession.TableName(byGORM))
		check(t, "the schema after Migrate", schemaOf(t, db, byGORM), schema)
		worksOn(t, db, byGORM)
	})
}

// worksOn has a session written and read.
func worksOn(t *testing.T, db *gorm.DB, table string, changes ...func(*ginsession.Config)) {
	t.Helper()
	site := newDBSite(t, db, table, changes...)
	v := site.visitor(t)
	v.post(func(s *ginsession.Session) { s.Set("a", 1) })
	v.post(func(s *ginsession.Session) { s.Set("b", 2) })
	v.get(func(s *ginsession.Session) {
		check(t, "what was read", s.Items(), map[string]any{"a": int64(1), "b": int64(2)})
	})
}

func TestMigrateAddsWhatIsMissing(t *testing.T) {
	forEachDB(t, func(t *testing.T, db *gorm.DB, table string) {
		columns := []ginsession.DBOption{ginsession.TableName(table), ginsession.Columns(&accountSession{}, accountColumns)}
		migrator := db.Table(table).Migrator()
		indexes, err := migrator.GetIndexes(table)
		if err != nil {
			t.Fatal(err)
		}
		for _, index := range indexes {
			if slices.Equal(index.Columns(), []string{"expire_date"}) {
				if err := migrator.DropIndex(&ginsession.Model{}, index.Name()); err != nil {
					t.Fatal(err)
				}
			}
		}
		site := newDBSite(t, db, table)
		v := site.visitor(t)
		v.post(func(s *ginsession.Session) { s.Set("a", 1) })

		migrate(t, db, columns...)
		schema := schemaOf(t, db, table)
		checkContains(t, schema, "expire_date", "account_id", "number_of_visits")
		for _, column := range []string{"expire_date", "account_id"} {
			if indexes, _ := migrator.GetIndexes(table); !slices.ContainsFunc(indexes, func(i gorm.Index) bool { return slices.Equal(i.Columns(), []string{column}) }) {
				t.Errorf("there is no index on %s:\n%s", column, schema)
			}
		}
		v.get(func(s *ginsession.Session) { check(t, "a session from before", s.Get("a"), any(int64(1))) })
		migrate(t, db, columns...)
		migrate(t, db, ginsession.TableName(table)) // by a process of the earlier version
		check(t, "the schema after migrating again", schemaOf(t, db, table), schema)
	})
}

func TestMigrateAtOnce(t *testing.T) {
	forEachEmptyDB(t, func(t *testing.T, db *gorm.DB) {
		for range 3 {
			table := newTableName(t, db)
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() {
					if err := ginsession.Migrate(db, ginsession.TableName(table)); err != nil {
						t.Errorf("Migrate beside others: %v", err)
					}
				})
			}
			all.Wait()
			checkMigrated(t, db, table)
		}
	})
}

// checkMigrated compares the table with one that was made alone.
func checkMigrated(t *testing.T, db *gorm.DB, table string) {
	t.Helper()
	alone := newTable(t, db)
	check(t, "the schema", schemaOf(t, db, table), strings.ReplaceAll(schemaOf(t, db, alone), alone, table))
}

func TestMigrateByProcessesAtOnce(t *testing.T) {
	forEachEmptyDB(t, func(t *testing.T, db *gorm.DB) {
		names := []string{newTableName(t, db), newTableName(t, db), newTableName(t, db)}
		var children []*dbChild
		for range 4 {
			children = append(children, startDBChild(t, "migrate", db, names...))
		}
		for _, child := range children {
			child.await(t)
		}
		for _, child := range children {
			child.input.Close() // go
		}
		for _, child := range children {
			child.finish(t)
		}
		for _, table := range names {
			checkMigrated(t, db, table)
		}
	})
}

// migrateInChild waits for its input's end, so that all children begin together.
func migrateInChild(t *testing.T, db *gorm.DB, tables []string, report io.Writer) {
	fmt.Fprintln(report, "ready")
	_, _ = io.Copy(io.Discard, os.Stdin)
	for _, table := range tables {
		if err := ginsession.Migrate(db, ginsession.TableName(table)); err != nil {
			t.Errorf("Migrate in one of several processes: %v", err)
		}
	}
}

func TestMigrateRefuses(t *testing.T) {
	for name, err := range map[string]error{
		"nil":             ginsession.Migrate(nil),
		"a foreign model": ginsession.Migrate(openSQLite(t), ginsession.Columns(&struct{ ID int }{}, nil)),
	} {
		if !errors.Is(err, ginsession.ErrConfig) {
			t.Errorf("Migrate with %s: %v; want an ErrConfig", name, err)
		}
	}
	closed := openSQLite(t)
	pool, _ := closed.DB()
	pool.Close()
	if err := ginsession.Migrate(closed); err == nil || !strings.Contains(err.Error(), "gin_session") {
		t.Errorf("Migrate of a closed database: %v; want an error that names the table", err)
	}
}

// TestMigrateForLongRecords has a program that wants its own strings short.
func TestMigrateForLongRecords(t *testing.T) {
	db := openDB(t, mysql.New(mysql.Config{DSN: testserver.Env(t, "TEST_MYSQL_DSN"), DefaultStringSize: 100}))
	table := newTable(t, db)
	checkContains(t, schemaOf(t, db, table), "session_data longtext NO")
	site := newDBSite(t, db, table)
	v := site.visitor(t)
	long := strings.Repeat("x", 100_000)
	v.post(func(s *ginsession.Session) { s.Set("a", long) })
	v.get(func(s *ginsession.Session) { check(t, "whether a long record was kept", s.Get("a") == long, true) })
}

// djangoTables are what Django's own migrations execute.
var djangoTables = map[string][]string{
	"postgres": {
		`CREATE TABLE "django_session" ("session_key" varchar(40) NOT NULL PRIMARY KEY, "session_data" text NOT NULL, "expire_date" timestamp with time zone NOT NULL)`,
		`CREATE INDEX "django_session_session_key_c0390e0f_like" ON "django_session" ("session_key" varchar_pattern_ops)`,
		`CREATE INDEX "django_session_expire_date_a5c62663" ON "django_session" ("expire_date")`,
	},
	"mysql": {
		"CREATE TABLE `django_session` (`session_key` varchar(40) NOT NULL PRIMARY KEY, `session_data` longtext NOT NULL, `expire_date` datetime(6) NOT NULL)",
		"CREATE INDEX `django_session_expire_date_a5c62663` ON `django_session` (`expire_date`)",
	},
}

// TestMigrateLeavesDjangosTable has Django's table on a server, each in a database of its own.
func TestMigrateLeavesDjangosTable(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(djangoTables)) {
		t.Run(name, func(t *testing.T) {
			db := openOwnDatabase(t, name)
			for _, statement := range djangoTables[name] {
				dbExec(t, db, statement)
			}
			checkDjangosTable(t, db)
		})
	}
}

// checkDjangosTable migrates and uses django_session, which must stay as it is.
func checkDjangosTable(t *testing.T, db *gorm.DB) {
	t.Helper()
	before, list := schemaOf(t, db, "django_session"), tables(t, db)
	for range 2 {
		migrate(t, db, ginsession.TableName("django_session"))
	}
	check(t, "the schema of Django's table", schemaOf(t, db, "django_session"), before)
	check(t, "tables", tables(t, db), list)
	worksOn(t, db, "django_session", func(cfg *ginsession.Config) { cfg.HashKeys = ginsession.Off })
}

// openOwnDatabase makes a database on the server that nobody else has.
func openOwnDatabase(t *testing.T, kind string) *gorm.DB {
	t.Helper()
	open := map[string]func(*testing.T, ...gorm.Option) *gorm.DB{"postgres": openPostgres, "mysql": openMySQL}[kind]
	server := open(t)
	name := "d_" + newTableName(t, server)
	dbExec(t, server, "CREATE DATABASE "+name)
	t.Cleanup(func() { dbExec(t, server, "DROP DATABASE "+name) })
	return openDB(t, dbDialects[kind](withDatabase(dbDSN(t, server), name)))
}

// withDatabase replaces the name of the database in a DSN, which ends at a question mark.
func withDatabase(dsn, name string) string {
	address, parameters, _ := strings.Cut(dsn, "?")
	return address[:strings.LastIndex(address, "/")+1] + name + "?" + parameters
}

// TestMigrateBesideDjango has a real Django make all of its tables in a SQLite file.
func TestMigrateBesideDjango(t *testing.T) {
	file := filepath.Join(t.TempDir(), "django.db")
	script := fmt.Sprintf(`
import django
from django.conf import settings
from django.core.management import call_command
settings.configure(
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": %q}},
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
)
django.setup()
call_command("migrate", verbosity=0)
`, file)
	output, err := exec.CommandContext(t.Context(), pythonWithDjango(t), "-c", script).CombinedOutput()
	if err != nil {
		t.Fatalf("Django's migrate: %v\n%s", err, output)
	}
	checkDjangosTable(t, openDB(t, sqlite.Open(sqliteDSN(file))))
}

func pythonWithDjango(t *testing.T) string {
	t.Helper()
	for _, python := range []string{os.Getenv("PYTHON"), "/usr/bin/python3", "python3"} {
		if python != "" && exec.CommandContext(t.Context(), python, "-c", "import django").Run() == nil {
			return python
		}
	}
	testserver.Missing(t, "no Python with Django: run the tests with make test, or install python3-django")
	return ""
}
