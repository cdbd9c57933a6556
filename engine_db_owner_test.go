package ginsession_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/ginsession/ginsession"
)

// TestDBOwnerPlans asks the databases how they find and delete one owner's sessions among 100,000 of
// 20,000 owners.
func TestDBOwnerPlans(t *testing.T) {
	forEachRecordedDB(t, func(t *testing.T, db *gorm.DB, table string, r *recorder) {
		const one, many = "01231", "m"
		fillOwned(t, db, table, "tuvwxy", "tuvwx", 10, 10, 10, 10, 2, 5)
		fillOwned(t, db, table, "m tuvwxy", many, 1, 1, 10, 10, 4, 3)
		d := ownerDesk(t, ginsession.DB(db, ginsession.TableName(table)))

		r.taken()
		sessions, err := d.SessionsOf(t.Context(), one)
		check(t, "sessions found", []any{len(sessions), err}, []any{5, error(nil)})
		find := r.taken()
		check(t, "statements that find them", len(find), 1)
		now := any(d.clock.Now())
		if db.Name() != "postgres" {
			now = d.clock.Now().Format("2006-01-02 15:04:05")
		}
		wantPlan(t, db, find[0], []any{one, one, now}, map[string]string{
			"sqlite":   `SEARCH \S+ USING INDEX \S+_owner \(owner=\?\)`,
			"postgres": `Index Cond: \(\(owner\)::text = `,
			"mysql":    `type=ref .*key=\S+_owner `,
		}[db.Name()])

		r.taken()
		ended, err := d.EndSessionsOf(t.Context(), many)
		check(t, "sessions ended", []any{ended, err}, []any{int64(1200), error(nil)})
		remove := r.taken()
		var verbs []string
		for _, statement := range remove {
			verbs = append(verbs, strings.Fields(statement)[0])
		}
		// 500, 500 and 200; then it looks whether one has got a new key meanwhile.
		check(t, "statements that end them", verbs, []string{"SELECT", "DELETE", "DELETE", "DELETE", "SELECT"})
		var keys []any
		for i := range 500 {
			keys = append(keys, fmt.Sprintf("%04d10", i*20))
		}
		wantPlan(t, db, remove[1], keys, map[string]string{
			"sqlite":   `SEARCH \S+ USING INDEX \S+ \(session_key=\?\)`,
			"postgres": `Index Cond: \(\(session_key\)::text = ANY`,
			"mysql":    `type=range .*key=PRIMARY `,
		}[db.Name()])
	})
}

// fillOwned stores sessions without the engine, which would take minutes. Each of the letters t to y in key
// and owner stands for a digit below its limit; every combination is a session.
func fillOwned(t *testing.T, db *gorm.DB, table, key, owner string, limits ...int) {
	t.Helper()
	key, owner = "'"+key+"'", "'"+owner+"'"
	var numbers []string
	for i, limit := range limits {
		letter := string(rune('t' + i))
		digit := "d" + letter
		key = fmt.Sprintf("REPLACE(%s, '%s', %s.n)", key, letter, digit)
		owner = fmt.Sprintf("REPLACE(%s, '%s', %s.n)", owner, letter, digit)
		rows := make([]string, limit)
		for n := range rows {
			rows[n] = fmt.Sprintf("SELECT '%d' AS n", n)
		}
		numbers = append(numbers, "("+strings.Join(rows, " UNION ALL ")+") "+digit)
	}
	dbExec(t, db, `INSERT INTO `+table+` (session_key, session_data, expire_date, owner) SELECT `+
		key+`, REPLACE('{"_session_owner":"@","_session_signed_in":1}', '@', `+owner+`), '2099-01-01 00:00:00', `+owner+
		` FROM `+strings.Join(numbers, " CROSS JOIN "))
	dbExec(t, db, map[string]string{"sqlite": "ANALYZE ", "postgres": "ANALYZE ", "mysql": "ANALYZE TABLE "}[db.Name()]+table)
}

// wantPlan fails the test unless the plan of a statement matches want, and reads no whole table.
func wantPlan(t *testing.T, db *gorm.DB, statement string, args []any, want string) {
	t.Helper()
	explain := "EXPLAIN "
	if db.Name() == "sqlite" {
		explain = "EXPLAIN QUERY PLAN "
	}
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	rows, err := pool.QueryContext(t.Context(), explain+statement, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	names, _ := rows.Columns()
	var plan strings.Builder
	for rows.Next() {
		values := make([]any, len(names))
		for i := range values {
			values[i] = new(any)
		}
		if err := rows.Scan(values...); err != nil {
			t.Fatal(err)
		}
		for i, name := range names {
			value := *values[i].(*any)
			if text, ok := value.([]byte); ok {
				value = string(text)
			}
			fmt.Fprintf(&plan, "%s=%v ", name, value)
		}
		plan.WriteString("\n")
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	whole := []string{"SCAN ", "Seq Scan", "type=ALL", "type=index "}
	reads := func(scan string) bool { return strings.Contains(plan.String(), scan) }
	if !regexp.MustCompile(want).MatchString(plan.String()) || slices.ContainsFunc(whole, reads) {
		t.Errorf("the plan of %.80s… does not match %s:\n%s", statement, want, plan.String())
	}
}
