package main

import (
	"fmt"
	"slices"
)

// A target is a row of the report's first table: what was promised, beside what was measured.
type target struct {
	row     string
	promise string
	values  func(*measured) []float64 // by round; nil if it was not measured
	atMost  bool
	limit   float64
	unit    string // "×" as a rule
}

// measured is what all runs have found so far.
type measured struct {
	sections map[string]result
	cleaning map[string]cleaning // by database
}

func (m *measured) cell(section, subject string, t task) []float64 {
	for _, c := range m.sections[section].Cells {
		if c.Subject == subject && c.Task == t.String() {
			return c.Nanos
		}
	}
	return nil
}

// A place is where a number of the report stands.
type place struct {
	section, subject string
	task             task
}

// pairs combines two cells round by round.
func (m *measured) pairs(a, b place, f func(a, b float64) float64) []float64 {
	as, bs := m.cell(a.section, a.subject, a.task), m.cell(b.section, b.subject, b.task)
	if len(as) == 0 || len(as) != len(bs) {
		return nil
	}
	values := make([]float64, len(as))
	for i := range values {
		values[i] = f(as[i], bs[i])
	}
	return values
}

func quotient(a, b float64) float64 { return a / b }

// atMost promises that ours takes at most so many times as long as other.
func atMost(row string, limit float64, section, subject string, t task, other string, otherTask task) target {
	return target{
		row:     row,
		promise: fmt.Sprintf("≤ %g × %s, %v", limit, other, otherTask),
		atMost:  true, limit: limit, unit: "×",
		values: func(m *measured) []float64 {
			return m.pairs(place{section, subject, t}, place{section, other, otherTask}, quotient)
		},
	}
}

// faster promises that a peer takes at least so many times as long as ours.
func faster(row string, limit float64, section, subject string, t task, other string) target {
	promise := fmt.Sprintf("≥ %g × faster than %s", limit, other)
	if limit == 1 {
		promise = "no slower than " + other
	}
	return target{
		row: row, promise: promise, limit: limit, unit: "×",
		values: func(m *measured) []float64 {
			return m.pairs(place{section, other, t}, place{section, subject, t}, quotient)
		},
	}
}

func targets() []target {
	var all []target
	add := func(t ...target) { all = append(all, t...) }
	one := func(op operation) task { return task{op, 1} }

	const sqlite, postgres = "ginsession DB, SQLite", "ginsession DB, PostgreSQL"
	for _, op := range []operation{anonymous, untouched} {
		t := one(op)
		row := t.String()
		add(atMost(row, 2, idleSection, sqlite, t, "bare gin", t))
		for _, s := range []string{"cookie", "memstore", "gorm, SQLite", "gorm, PostgreSQL", "redis"} {
			add(faster(row, 1.1, idleSection, sqlite, t, "gin-contrib "+s))
		}
		limit := 1.6
		if op == untouched {
			limit = 20
		}
		for _, s := range []string{"memstore", "sqlite3store", "gormstore, SQLite", "pgxstore", "goredisstore"} {
			add(faster(row, limit, idleSection, sqlite, t, "scs "+s))
		}
	}

	read8 := task{read, 8}
	row := func(name string, t task) string { return name + " " + t.String() }
	add(atMost(row("db, SQLite:", one(read)), 1.35, sqliteSection, sqlite, one(read), "raw SELECT, UPDATE, SQLite", one(read)))
	for _, t := range []task{one(read), read8} {
		add(faster(row("db, SQLite:", t), 4, sqliteSection, sqlite, t, "scs sqlite3store"))
		add(faster(row("db, SQLite:", t), 5, sqliteSection, sqlite, t, "scs gormstore, SQLite"))
		add(faster(row("db, SQLite:", t), 5, sqliteSection, sqlite, t, "gin-contrib gorm, SQLite"))
	}
	add(atMost(row("db, SQLite:", one(write)), 1.1, sqliteSection, sqlite, one(write), "raw SELECT, UPDATE, SQLite", one(write)))
	add(faster(row("db, SQLite:", one(write)), 2.5, sqliteSection, sqlite, one(write), "scs sqlite3store"))
	add(faster(row("db, SQLite:", one(write)), 5, sqliteSection, sqlite, one(write), "scs gormstore, SQLite"))
	add(faster(row("db, SQLite:", one(write)), 5, sqliteSection, sqlite, one(write), "gin-contrib gorm, SQLite"))

	for _, p := range []struct {
		t   task
		pgx float64
	}{{one(read), 1.7}, {one(write), 1}} {
		add(atMost(row("db, PostgreSQL:", p.t), 1.1, postgresSection, postgres, p.t, "raw SELECT, UPDATE, PostgreSQL", p.t))
		add(faster(row("db, PostgreSQL:", p.t), p.pgx, postgresSection, postgres, p.t, "scs pgxstore"))
		add(faster(row("db, PostgreSQL:", p.t), 2, postgresSection, postgres, p.t, "scs gormstore, PostgreSQL"))
		add(faster(row("db, PostgreSQL:", p.t), 2, postgresSection, postgres, p.t, "gin-contrib gorm, PostgreSQL"))
	}

	const cachedDB = "ginsession CachedDB, SQLite + memory"
	add(atMost("cached_db, memory: READ hit", 0.15, memorySection, cachedDB, one(read), sqlite, one(read)))
	add(target{
		row: "cached_db, memory: READ hit", promise: "≤ anonymous + 1.2 µs", atMost: true, limit: 1.2, unit: " µs more",
		values: func(m *measured) []float64 {
			return m.pairs(place{memorySection, cachedDB, one(read)}, place{memorySection, cachedDB, one(plain)},
				func(a, b float64) float64 { return (a - b) / 1000 })
		},
	})
	for _, s := range []string{"gin-contrib memstore", "scs memstore", "fiber v3 memory"} {
		add(faster("cached_db, memory: READ hit", 15, memorySection, cachedDB, one(read), s))
	}

	for _, p := range []struct{ row, near, memory string }{
		{"cached_db, Redis near cache: READ hit", "ginsession CachedDB, SQLite + Redis with near cache", cachedDB},
		{"cached, Redis near cache: READ hit", "ginsession Cached, Redis with near cache", "ginsession Cached, memory"},
	} {
		add(atMost(p.row, 1.5, redisSection, p.near, one(read), p.memory, one(read)))
		add(faster(p.row, 30, redisSection, p.near, one(read), "gin-contrib redis"))
		add(faster(p.row, 30, redisSection, p.near, one(read), "scs goredisstore"))
	}
	const cached = "ginsession Cached, Redis"
	for _, op := range []operation{read, write} {
		add(atMost(row("cached, Redis:", one(op)), 1.1, redisSection, cached, one(op), "raw GET, SET", one(op)))
		add(atMost(row("cached, Redis:", task{op, 64}), 1.5, redisSection, cached, task{op, 64}, "raw GET, SET", task{op, 64}))
		add(faster(row("cached, Redis:", one(op)), 2.5, redisSection, cached, one(op), "gin-contrib redis"))
		add(faster(row("cached, Redis:", task{op, 64}), 3, redisSection, cached, task{op, 64}, "scs goredisstore"))
	}

	const cookies = "ginsession SignedCookies"
	add(atMost(row("signed_cookies:", one(read)), 1.2, cookieSection, cookies, one(read), "raw verify + decode, sign", one(read)))
	add(faster(row("signed_cookies:", one(read)), 5, cookieSection, cookies, one(read), "gin-contrib cookie"))
	add(faster(row("signed_cookies:", one(write)), 4.5, cookieSection, cookies, one(write), "gin-contrib cookie"))

	const file = "ginsession File"
	add(atMost(row("file:", one(read)), 1.5, fileSection, file, one(read), "raw open + read + decode, rename", one(read)))
	add(atMost(row("file:", one(write)), 1.1, fileSection, file, one(write), "raw open + read + decode, rename", one(write)))
	add(atMost(row("file:", one(write)), 1.1, fileSection, file, one(write), "raw open + read + decode, rename + sync", one(write)))
	add(faster(row("file:", one(read)), 3, fileSection, file, one(read), "gorilla filesystem"))
	add(faster(row("file:", one(write)), 1.2, fileSection, file, one(write), "gorilla filesystem"))

	add(faster(row("Django beside db, SQLite:", one(read)), 20, sqliteSection, sqlite, one(read), "Django db, SQLite"))
	add(faster(row("Django beside db, SQLite:", one(write)), 12, sqliteSection, sqlite, one(write), "Django db, SQLite"))
	add(faster(row("Django beside db, PostgreSQL:", one(read)), 7, postgresSection, postgres, one(read), "Django db, PostgreSQL"))
	add(faster(row("Django beside db, PostgreSQL:", one(write)), 4, postgresSection, postgres, one(write), "Django db, PostgreSQL"))
	return append(all, cleaningTargets()...)
}

// cleaningTargets are about ClearExpired of half a million of a million rows.
func cleaningTargets() []target {
	of := func(database string, f func(c cleaning) float64) func(*measured) []float64 {
		return func(m *measured) []float64 {
			if c, ok := m.cleaning[database]; ok {
				return []float64{f(c)}
			}
			return nil
		}
	}
	return []target{
		{row: "ClearExpired, PostgreSQL: total", promise: "≤ 2.5 × one DELETE", atMost: true, limit: 2.5, unit: "×",
			values: of("PostgreSQL", func(c cleaning) float64 { return c.Batches.Seconds / c.OneDelete.Seconds })},
		{row: "ClearExpired, PostgreSQL: longest UPDATE", promise: "≤ 15 ms", atMost: true, limit: 15, unit: " ms",
			values: of("PostgreSQL", func(c cleaning) float64 { return c.Batches.longest() })},
		{row: "ClearExpired, SQLite: p99 of an UPDATE", promise: "≤ 100 ms", atMost: true, limit: 100, unit: " ms",
			values: of("SQLite", func(c cleaning) float64 { return c.Batches.quantile(0.99) })},
		{row: "ClearExpired, SQLite: longest UPDATE", promise: "≤ 700 ms", atMost: true, limit: 700, unit: " ms",
			values: of("SQLite", func(c cleaning) float64 { return c.Batches.longest() })},
		{row: "ClearExpired, SQLite: largest WAL", promise: "≤ 100 MiB", atMost: true, limit: 100, unit: " MiB",
			values: of("SQLite", func(c cleaning) float64 { return c.Batches.WALBytes / (1 << 20) })},
	}
}

// A spread is the median of the rounds, and the least and the greatest.
type spread struct{ median, least, greatest float64 }

func spreadOf(values []float64) spread {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return spread{(sorted[(n-1)/2] + sorted[n/2]) / 2, sorted[0], sorted[n-1]}
}

// met reports whether the median keeps the promise.
func (t target) met(s spread) bool {
	if t.atMost {
		return s.median <= t.limit
	}
	return s.median >= t.limit
}
