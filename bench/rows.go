package main

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"database/sql"
	"encoding/base32"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
)

// maxVisitors bounds how many sessions of a large table are visited. They lie all over it.
const maxVisitors = 20_000

// visit has the site's visitors be sessions out of a table of so many rows, all of which are
// copies of session 0.
func (s *site) visit(rows int, cookie func(i int) (string, error)) error {
	visitors := min(rows, maxVisitors)
	s.cookies = make([][]string, visitors)
	s.users = make([]string, visitors)
	s.numbers = make([][]string, visitors)
	for i := range visitors {
		line, err := cookie(i * (rows / visitors))
		if err != nil {
			return err
		}
		s.cookies[i], s.users[i], s.numbers[i] = []string{line}, userName(0), []string{"0"}
	}
	return nil
}

// signIns is how many visitors sign in: if a table is filled with copies, one to copy.
func (e *environment) signIns() int {
	if e.rows > baseRows {
		return 1
	}
	if e.few {
		return baseRows / 10
	}
	return baseRows
}

// cookieKey is the key of session i as its cookie has it. Successive ones lie far apart.
func cookieKey(i int) string {
	sum := md5.Sum(fmt.Appendf(nil, "session %d", i))
	return hex.EncodeToString(sum[:])
}

var digestEncoding = base32.NewEncoding("0123456789abcdefghijklmnopqrstuv").WithPadding(base32.NoPadding)

// digest is what the store sees of a key: see ginsession.Config.HashKeys.
func digest(key string) string {
	sum := sha256.Sum256([]byte("ginsession" + key))
	return digestEncoding.EncodeToString(sum[:25])
}

// A copyOf says how to fill a table with copies of one of its rows.
type copyOf struct {
	table string
	key   string // the column that differs
	rows  int
	keyOf func(i int) string
	set   map[string]string // columns that are computed instead: their SQL
}

// copyRows copies the row that has the smallest key, the only one as a rule.
func copyRows(db *sql.DB, database string, c copyOf) error {
	columns, err := otherColumns(db, c)
	if err != nil {
		return err
	}
	var old string
	if err := db.QueryRow("SELECT min(" + c.key + ") FROM " + c.table).Scan(&old); err != nil {
		return err
	}
	expressions := make([]string, len(columns))
	for i, column := range columns {
		expressions[i] = "model." + column
		if expression := c.set[column]; expression != "" {
			expressions[i] = expression
		}
	}
	keys := "json_each(?)"
	if database == "PostgreSQL" {
		keys = "json_array_elements_text($1::json)"
	}
	insert := fmt.Sprintf("INSERT INTO %s (%s, %s) SELECT keys.value, %s FROM %s AS keys, %s AS model WHERE model.%s = '%s'",
		c.table, c.key, strings.Join(columns, ", "), strings.Join(expressions, ", "), keys, c.table, c.key, old)
	conn, err := db.Conn(context.Background())
	if err != nil {
		return err
	}
	defer conn.Close()
	if database == "SQLite" {
		defer sqliteCache(conn, -2_000) // KiB, its default
		sqliteCache(conn, -2_000_000)
	}
	const transaction = 1_000_000
	for from := 0; from < c.rows; from += transaction {
		if err := c.insertRows(conn, insert, from, min(from+transaction, c.rows)); err != nil {
			return fmt.Errorf("filling %s: %w", c.table, err)
		}
	}
	return settle(db, database, c.table)
}

func sqliteCache(conn *sql.Conn, size int) {
	_, _ = conn.ExecContext(context.Background(), fmt.Sprintf("PRAGMA cache_size = %d", size))
}

// insertRows inserts copies from..to in one transaction.
func (c copyOf) insertRows(conn *sql.Conn, insert string, from, to int) error {
	tx, err := conn.BeginTx(context.Background(), nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	const batch = 10_000
	for ; from < to; from += batch {
		some := make([]string, 0, batch)
		for i := from; i < min(from+batch, to); i++ {
			some = append(some, c.keyOf(i))
		}
		list, err := json.Marshal(some)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(insert, string(list)); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// otherColumns lists the columns beside the key.
func otherColumns(db *sql.DB, c copyOf) ([]string, error) {
	rows, err := db.Query("SELECT * FROM " + c.table + " WHERE 1 = 0")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	others := make([]string, 0, len(names))
	for _, name := range names {
		if name != c.key {
			others = append(others, name)
		}
	}
	return others, rows.Err()
}

// settle leaves a table as one that has been in use for a while.
func settle(db *sql.DB, database, table string) error {
	statements := []string{"ANALYZE " + table, "PRAGMA wal_checkpoint(TRUNCATE)"}
	if database == "PostgreSQL" {
		statements = []string{"VACUUM ANALYZE " + table, "CHECKPOINT"}
	}
	for _, statement := range statements {
		if _, err := db.Exec(statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}
