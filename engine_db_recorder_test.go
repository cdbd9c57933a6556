package ginsession_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	mysqldriver "github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/mattn/go-sqlite3"
	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/ginsession/ginsession/internal/testserver"
)

// A recorder stands between database/sql and a driver and remembers what reaches the database.
type recorder struct {
	mu         sync.Mutex
	statements []string // as the driver got them; BEGIN, COMMIT and ROLLBACK too
	prepared   int
	hook       func(statement string)       // called with each statement that is recorded; nil calls none
	refuse     func(statement string) error // stands for a database that does not know a statement; nil refuses none
}

func (r *recorder) record(statement string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.statements = append(r.statements, statement)
	if r.hook != nil {
		r.hook(statement)
	}
}

// onStatement has f called with every statement that is recorded.
func (r *recorder) onStatement(f func(statement string)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hook = f
}

// taken returns the statements since it was last called.
func (r *recorder) taken() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	statements := r.statements
	r.statements = nil
	return statements
}

// takenVerbs returns the first word of each statement since the last call.
func (r *recorder) takenVerbs() string {
	var verbs []string
	for _, statement := range r.taken() {
		verb, _, _ := strings.Cut(statement, " ")
		verbs = append(verbs, verb)
	}
	return strings.Join(verbs, " ")
}

// preparations returns how many statements were prepared so far.
func (r *recorder) preparations() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.prepared
}

// forEachRecordedDB is forEachDB with a recorder behind the pool.
func forEachRecordedDB(t *testing.T, f func(t *testing.T, db *gorm.DB, table string, r *recorder)) {
	t.Helper()
	for name, open := range map[string]func(t *testing.T, r *recorder) gorm.Dialector{
		"sqlite":   recordedSQLite,
		"postgres": recordedPostgres,
		"mysql":    recordedMySQL,
	} {
		t.Run(name, func(t *testing.T) {
			r := &recorder{}
			db := openDB(t, open(t, r))
			f(t, db, newTable(t, db), r)
		})
	}
}

func recordedSQLite(t *testing.T, r *recorder) gorm.Dialector {
	file := filepath.Join(t.TempDir(), "test.db")
	return sqlite.New(sqlite.Config{Conn: r.open(t, sqliteConnector{sqliteDSN(file)})})
}

func recordedPostgres(t *testing.T, r *recorder) gorm.Dialector {
	config, err := pgx.ParseConfig(testserver.Env(t, "TEST_POSTGRES_DSN"))
	if err != nil {
		t.Fatal(err)
	}
	return postgres.New(postgres.Config{Conn: r.open(t, stdlib.GetConnector(*config))})
}

func recordedMySQL(t *testing.T, r *recorder) gorm.Dialector {
	config, err := mysqldriver.ParseDSN(testserver.Env(t, "TEST_MYSQL_DSN"))
	if err != nil {
		t.Fatal(err)
	}
	connector, err := mysqldriver.NewConnector(config)
	if err != nil {
		t.Fatal(err)
	}
	return mysql.New(mysql.Config{Conn: r.open(t, connector)})
}

func (r *recorder) open(t *testing.T, connector driver.Connector) *sql.DB {
	pool := sql.OpenDB(recordingConnector{connector, r})
	t.Cleanup(func() { pool.Close() })
	return pool
}

type sqliteConnector struct{ dsn string }

func (c sqliteConnector) Driver() driver.Driver { return &sqlite3.SQLiteDriver{} }

func (c sqliteConnector) Connect(context.Context) (driver.Conn, error) {
	return c.Driver().Open(c.dsn)
}

type recordingConnector struct {
	driver.Connector
	recorder *recorder
}

func (c recordingConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return recordingConn{conn.(fullConn), c.recorder}, nil
}

// A fullConn is what all three drivers' connections are.
type fullConn interface {
	driver.Conn
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.ConnBeginTx
	driver.Pinger
}

type recordingConn struct {
	fullConn
	recorder *recorder
}

func (c recordingConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	if c.recorder.refuse != nil {
		if err := c.recorder.refuse(query); err != nil {
			return nil, err
		}
	}
	c.recorder.mu.Lock()
	c.recorder.prepared++
	c.recorder.mu.Unlock()
	stmt, err := c.fullConn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	return recordingStmt{stmt.(fullStmt), query, c.recorder}, nil
}

func (c recordingConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	result, err := c.fullConn.ExecContext(ctx, query, args)
	if err != driver.ErrSkip {
		c.recorder.record(query)
	}
	return result, err
}

func (c recordingConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	rows, err := c.fullConn.QueryContext(ctx, query, args)
	if err != driver.ErrSkip {
		c.recorder.record(query)
	}
	return rows, err
}

func (c recordingConn) BeginTx(ctx context.Context, options driver.TxOptions) (driver.Tx, error) {
	c.recorder.record("BEGIN")
	tx, err := c.fullConn.BeginTx(ctx, options)
	return recordingTx{tx, c.recorder}, err
}

func (c recordingConn) CheckNamedValue(v *driver.NamedValue) error {
	if checker, ok := c.fullConn.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

func (c recordingConn) ResetSession(ctx context.Context) error {
	if resetter, ok := c.fullConn.(driver.SessionResetter); ok {
		return resetter.ResetSession(ctx)
	}
	return nil
}

func (c recordingConn) IsValid() bool {
	validator, ok := c.fullConn.(driver.Validator)
	return !ok || validator.IsValid()
}

type fullStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

type recordingStmt struct {
	fullStmt
	query    string
	recorder *recorder
}

func (s recordingStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	s.recorder.record(s.query)
	return s.fullStmt.ExecContext(ctx, args)
}

func (s recordingStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	s.recorder.record(s.query)
	return s.fullStmt.QueryContext(ctx, args)
}

type recordingTx struct {
	driver.Tx
	recorder *recorder
}

func (tx recordingTx) Commit() error {
	tx.recorder.record("COMMIT")
	return tx.Tx.Commit()
}

func (tx recordingTx) Rollback() error {
	tx.recorder.record("ROLLBACK")
	return tx.Tx.Rollback()
}
