package main

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/ginsession/ginsession/internal/textdate"
)

// A table counts the sessions in a database, which the framework cannot do.
type table struct {
	db   *gorm.DB
	name string
	zone *time.Location // of the dates, in databases that store dates without a zone
}

// totals is what stats prints. If there is no session, the dates are zero.
type totals struct {
	sessions, live   int64
	unreadable       int64 // not in sessions: their expiry is unknown
	bytes, largest   int64
	earliest, latest time.Time // expiry
}

// check returns an error, with what to do next, if the table cannot be read.
func (t table) check() error {
	err := t.db.Exec(t.fill("SELECT {key}, {data}, {expires} FROM {table} WHERE 1 = 0")).Error
	if err == nil {
		return nil
	}
	if !t.db.Migrator().HasTable(t.name) {
		return trouble(`Name another one with --table, or create it with "ginsession migrate".`, "there is no table %s in this database", t.name)
	}
	return fmt.Errorf("cannot read the table %s: %w", t.name, err)
}

func (t table) expired(ctx context.Context, now time.Time) (n int64, err error) {
	err = t.row(ctx, "SELECT count(*) FROM {table} WHERE {expires} < ?", t.date(now)).Scan(&n)
	return n, err
}

func (t table) totals(ctx context.Context, now time.Time) (totals, error) {
	var sum totals
	var earliest, latest sql.NullString
	err := t.row(ctx, "SELECT count(*), count(CASE WHEN {expires} > ? THEN 1 END), "+
		"coalesce(sum(octet_length({data})), 0), coalesce(max(octet_length({data})), 0), "+
		t.dateText("min({expires})")+", "+t.dateText("max({expires})")+" FROM {table}", t.date(now)).
		Scan(&sum.sessions, &sum.live, &sum.bytes, &sum.largest, &earliest, &latest)
	if err != nil || sum.sessions == 0 {
		return sum, err
	}
	if sum.earliest, err = t.parseDate(earliest.String); err == nil {
		sum.latest, err = t.parseDate(latest.String)
	}
	return sum, err
}

func (t table) row(ctx context.Context, query string, args ...any) *sql.Row {
	return t.db.WithContext(ctx).Raw(t.fill(query), args...).Row()
}

// fill replaces the {names} in a query by the quoted names of the table and its columns.
func (t table) fill(query string) string {
	quote := t.db.Statement.Quote
	return strings.NewReplacer("{table}", quote(t.name), "{key}", quote("session_key"),
		"{data}", quote("session_data"), "{expires}", quote("expire_date")).Replace(query)
}

func (t table) hasZones() bool { return t.db.Name() == "postgres" }

// date returns a time as a parameter that compares with the column expire_date.
func (t table) date(at time.Time) any {
	if t.hasZones() {
		return at.UTC()
	}
	return textdate.Moment(at.In(t.zone))
}

// dateText returns SQL that converts a date to text that parseDate reads.
func (t table) dateText(expression string) string {
	switch t.db.Name() {
	case "postgres":
		return "to_char(" + expression + " AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')"
	case "mysql":
		return "CAST(" + expression + " AS CHAR)"
	default:
		return "CAST(" + expression + " AS TEXT)"
	}
}

func (t table) parseDate(text string) (time.Time, error) {
	zone := t.zone
	if t.hasZones() {
		zone = time.UTC
	}
	at, err := textdate.Parse(text, zone)
	if err != nil {
		return at, fmt.Errorf("the table %s: %w", t.name, err)
	}
	return at, nil
}
