package ginsession

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/ginsession/ginsession/internal/deadline"
	"github.com/ginsession/ginsession/internal/sqlpool"
)

// DB keeps sessions in a table of a database that GORM drives: SQLite, PostgreSQL, MySQL or
// MariaDB. It is Django's db backend, the default there. Call [Migrate] once before serving.
//
// The *gorm.DB is used as it is, with its pool and its plugins, but without its default
// transactions and without logging. With the plugin dbresolver everything goes to its sources,
// reads too. A *gorm.DB inside a transaction, and MySQL with autocommit off, are rejected with
// [ErrConfig].
//
// SQLite: give connections a busy timeout no longer than Config.StoreTimeout. A longer one is
// shortened around each statement, at the cost of several more statements.
//
// MySQL: in an outage the driver itself writes a line for each broken connection to stderr. To
// silence it, set Logger in the driver's own mysql.Config, and give GORM's mysql.Config as Conn
// the sql.OpenDB of its NewConnector.
func DB(db *gorm.DB, options ...DBOption) Engine { return dbEngine{db, options} }

// dbEngine is the choice of [DB].
type dbEngine struct {
	db      *gorm.DB
	options []DBOption
}

func (e dbEngine) open(cfg *settings) (backend, error) {
	o := newDBOptions(e.options)
	if err := o.checkNotCached("DB"); err != nil {
		return nil, err
	}
	store, err := openDB(e.db, o, cfg)
	if err != nil {
		return nil, err
	}
	return onServer(cfg, store), nil
}

func openDB(db *gorm.DB, o dbOptions, cfg *settings) (*dbStore, error) {
	if err := o.check(db); err != nil {
		return nil, err
	}
	if o.table == djangoTable && cfg.HashKeys != Off {
		return nil, configError("HashKeys", "must be Off with the table %s: Django keeps keys as they are", djangoTable)
	}
	extra, err := o.extraColumns(db)
	if err != nil {
		return nil, err
	}
	s := &dbStore{
		dialect:  dialects[db.Name()],
		table:    o.table,
		fill:     o.fill,
		hasOwner: o.hasOwner(),
		extra:    extra,
		codec:    cfg.codec,
		zone:     time.UTC,
		timeout:  cfg.timeout,
	}
	if cfg.dates.location != nil {
		s.zone = cfg.dates.location
	}
	s.db = ownSession(db, o.table)
	s.direct = sqlpool.New(db)
	s.buildStatements()
	if err := s.probeNow(cfg); err != nil {
		return nil, err
	}
	return s, nil
}

// ownSession returns the user's database for the sessions table, without what does not suit
// sessions: conditions of an earlier chain, a transaction around every statement, keys in the
// log, reads from a replica.
func ownSession(db *gorm.DB, table string) *gorm.DB {
	own := db.Session(&gorm.Session{NewDB: true, SkipDefaultTransaction: true, SkipHooks: true, Logger: logger.Discard})
	return sqlpool.Source(own.Table(table))
}

// A dbStore is the [Store] of the DB engine. GORM owns the dialect, quoting and migration;
// each statement is built once and runs on the connection pool itself if nothing of GORM's
// would be passed over by that.
type dbStore struct {
	db      *gorm.DB
	direct  *sqlpool.Pool // nil if statements go through GORM
	dialect dialect
	table   string
	extra   []string
	fill    func(data map[string]any) map[string]any
	codec   *codec
	zone    *time.Location    // of the dates in databases that store them without one
	timeout *deadline.Timeout // Config.StoreTimeout

	probed      atomic.Bool  // whether a connection has answered probe
	busyTimeout atomic.Int64 // of SQLite's connections, a time.Duration; set before probed
	inMemory    atomic.Bool  // whether SQLite has no file; set before probed

	load, insert, touch, remove *sqlpool.Statement
	lock, reload                *sqlpool.Statement
	update, updateData          sqlPair
	replace, replaceData        sqlPair

	hasOwner                  bool // the table has the column owner
	owned, insertOwned        *sqlpool.Statement
	updateOwner, replaceOwner sqlPair
}

// A sqlPair is a statement that changes a row: compared does so only if the row still holds the
// data that was read before, locked does so whatever the row holds.
type sqlPair struct{ compared, locked *sqlpool.Statement }

// A dialect is how one database differs from another.
type dialect struct {
	textDates bool   // dates are text without a zone, compared as such
	dateText  string // an expression for the date as text
	exact     string // compares bytes, not collated text
	forUpdate string // locks the row that a SELECT reads
	writes    bool   // a transaction must write first: there are no row locks

	probe func(*dbStore, context.Context, sqlpool.Querier) error // what is asked of a connection
}

var dialects = map[string]dialect{
	"sqlite":   {textDates: true, dateText: "CAST(%s AS TEXT)", writes: true, probe: (*dbStore).probeSQLite},
	"mysql":    {textDates: true, dateText: "CAST(%s AS CHAR)", exact: "BINARY ", forUpdate: " FOR UPDATE", probe: (*dbStore).probeAutocommit},
	"postgres": {dateText: "%s", forUpdate: " FOR UPDATE", probe: (*dbStore).probeNothing},
}

func (s *dbStore) buildStatements() {
	q := s.db.Statement.Quote
	table := q(s.table)
	key, data, expires := q("session_key"), q("session_data"), q("expire_date")
	live := key + " = ? AND " + expires + " > ?"
	columns := "SELECT " + data + ", " + fmt.Sprintf(s.dialect.dateText, expires) + " FROM " + table + " WHERE " + live
	names, marks, sets := "", "", ""
	for _, name := range s.extra {
		names += ", " + q(name)
		marks += ", ?"
		sets += ", " + q(name) + " = ?"
	}
	same := " AND " + s.dialect.exact + data + " = ?"
	unmoved := " AND " + expires + " = ?"

	s.load = s.direct.Statement(s.db, columns)
	s.reload = s.direct.Statement(s.db, columns+s.dialect.forUpdate)
	s.lock = s.direct.Statement(s.db, "UPDATE "+table+" SET "+key+" = "+key+" WHERE "+key+" = ?")
	s.insert = s.direct.Statement(s.db, "INSERT INTO "+table+" ("+data+names+", "+expires+", "+key+") VALUES (?"+marks+", ?, ?)")
	s.touch = s.direct.Statement(s.db, "UPDATE "+table+" SET "+expires+" = ? WHERE "+live)
	s.remove = s.direct.Statement(s.db, "DELETE FROM "+table+" WHERE "+key+" = ?")
	owner := q(ownerColumn)
	s.insertOwned = s.direct.Statement(s.db, "INSERT INTO "+table+" ("+data+names+", "+owner+", "+expires+", "+key+") VALUES (?"+marks+", ?, ?, ?)")
	s.owned = s.direct.Statement(s.db, "SELECT "+key+", "+data+", "+fmt.Sprintf(s.dialect.dateText, expires)+" FROM "+table+
		" WHERE "+owner+" = ? AND "+s.dialect.exact+owner+" = ? AND "+expires+" > ?")
	pair := func(assignments, same string) sqlPair {
		text := "UPDATE " + table + " SET " + data + " = ?" + sets + assignments + " WHERE " + live
		return sqlPair{compared: s.direct.Statement(s.db, text+same), locked: s.direct.Statement(s.db, text)}
	}
	s.update = pair(", "+expires+" = ?", same)
	s.updateData = pair("", same+unmoved)
	s.replace = pair(", "+expires+" = ?, "+key+" = ?", same)
	s.replaceData = pair(", "+key+" = ?", same+unmoved)
	s.updateOwner = pair(", "+owner+" = ?, "+expires+" = ?", same)
	s.replaceOwner = pair(", "+owner+" = ?, "+expires+" = ?, "+key+" = ?", same)
}

func (s *dbStore) Load(ctx context.Context, key string, now time.Time) (Record, error) {
	return s.query(ctx, s.load, key, s.moment(now))
}

func (s *dbStore) Create(ctx context.Context, key string, r Record, _ time.Time) error {
	args, err := s.values(r, key)
	if err != nil {
		return err
	}
	insert := s.insert
	if r.Owner != "" && s.hasOwner {
		insert, args = s.insertOwned, append(args, r.Owner)
	}
	_, err = s.exec(ctx, insert, append(args, s.date(r.Expires), key)...)
	return err
}

// values returns the arguments for the data of the record of key and for the columns that are filled
// from it.
func (s *dbStore) values(r Record, key string) ([]any, error) {
	args := append(make([]any, 0, 6+len(s.extra)), textOf(r.Data))
	if len(s.extra) == 0 {
		return args, nil
	}
	text, _, err := s.codec.unseal(r.Data, key)
	if err != nil {
		return nil, err
	}
	doc, err := parseDocument(text)
	if err != nil {
		return nil, err
	}
	data := make(map[string]any, len(doc.entries))
	for i := range doc.entries {
		e := &doc.entries[i]
		data[e.key()], _ = valueOf[any](s.codec, e)
	}
	columns := s.fill(data)
	for _, name := range s.extra {
		args = append(args, columns[name])
	}
	return args, nil
}

func (s *dbStore) Update(ctx context.Context, key string, prev Record, now time.Time, f Mutate) (Record, error) {
	return s.change(ctx, key, "", prev, now, f)
}

func (s *dbStore) Replace(ctx context.Context, oldKey, newKey string, prev Record, now time.Time, f Mutate) (Record, error) {
	return s.change(ctx, oldKey, newKey, prev, now, f)
}

func (s *dbStore) Touch(ctx context.Context, key string, expires, now time.Time) error {
	changed, err := s.exec(ctx, s.touch, s.date(expires), key, s.moment(now))
	if err != nil || changed > 0 {
		return err
	}
	_, err = s.Load(ctx, key, now) // MySQL counts rows whose values changed
	return err
}

func (s *dbStore) Delete(ctx context.Context, key string) error {
	_, err := s.exec(ctx, s.remove, key)
	return err
}

// explain says what to do about errors that must be fixed in the program or the schema. It
// never passes on a text that holds a key.
func (s *dbStore) explain(err error) error {
	if err == nil || errors.Is(err, ErrNotFound) {
		return err
	}
	switch missing := isMissingTable(err); {
	case missing && s.inMemory.Load():
		return fmt.Errorf("ginsession: there is no table %s on this connection: a database in memory is one connection's: "+
			"call SetMaxOpenConns(1) or open it with cache=shared, and run ginsession.Migrate: %w", s.table, err)
	case s.hasOwner && isMissingColumn(err):
		return fmt.Errorf("ginsession: the table %s lacks a column: run ginsession.Migrate before serving: %w", s.table, err)
	case isForeignPlan(err):
		return fmt.Errorf("ginsession: the connection does not have the prepared statement that the driver has made on it: "+
			"behind PgBouncer in transaction mode, add default_query_exec_mode=exec to the DSN or set PreferSimpleProtocol: %w", err)
	case missing:
		return fmt.Errorf("ginsession: there is no table %s: run ginsession.Migrate before serving: %w", s.table, err)
	}
	if translator, ok := s.db.Dialector.(gorm.ErrorTranslator); ok {
		switch translated := translator.Translate(err); {
		case errors.Is(translated, gorm.ErrDuplicatedKey):
			return ErrExists
		case errors.Is(translated, gorm.ErrForeignKeyViolated):
			return fmt.Errorf("ginsession: a foreign key of another table points at %s: drop it, sessions come and go", s.table)
		}
	}
	return err
}

func isMissingTable(err error) bool {
	return err != nil && (sqlpool.SQLState(err) == "42P01" || // PostgreSQL's undefined_table
		sqlpool.IsMySQLError(err, "1146") || // ER_NO_SUCH_TABLE
		strings.Contains(err.Error(), "no such table")) // SQLite
}

// isForeignPlan reports whether the connection's prepared statements are another client's.
func isForeignPlan(err error) bool {
	switch sqlpool.SQLState(err) {
	case "42P05", "26000": // PostgreSQL's duplicate_prepared_statement, invalid_sql_statement_name
		return true
	case "08P01": // protocol_violation
		return strings.Contains(err.Error(), "prepared statement")
	}
	return false
}

func isMissingColumn(err error) bool {
	return sqlpool.SQLState(err) == "42703" || // PostgreSQL's undefined_column
		sqlpool.IsMySQLError(err, "1054") || // ER_BAD_FIELD_ERROR
		strings.Contains(err.Error(), "no such column") || strings.Contains(err.Error(), "has no column named") // SQLite
}
