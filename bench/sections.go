package main

// A section is one table of the report: subjects that are measured in turn, so that they can
// be compared.
type section struct {
	id, title string
	note      string
	content   content
	rows      int
	entries   []entry
}

// An entry is a subject and what it is to do.
type entry struct {
	subject subject
	tasks   []task
}

func each(tasks []task, subjects ...subject) []entry {
	entries := make([]entry, len(subjects))
	for i, s := range subjects {
		entries[i] = entry{s, tasks}
	}
	return entries
}

func join(entries ...[]entry) []entry {
	var all []entry
	for _, e := range entries {
		all = append(all, e...)
	}
	return all
}

const (
	idleSection       = "idle"
	sqliteSection     = "sqlite"
	postgresSection   = "postgres"
	mariadbSection    = "mariadb"
	memorySection     = "memory"
	redisSection      = "redis"
	memcachedSection  = "memcached"
	cookieSection     = "cookies"
	fileSection       = "files"
	largeSection      = "large"
	rowsSectionPrefix = "rows-"
)

func sections() []section {
	all := []section{
		{id: idleSection, title: "Requests that do not use the session", content: small,
			note: "The answer is a little JSON, for all.",
			entries: join(
				each(idleTasks, bareGin(), ginSet(), bareFiber(), ourDB("SQLite"), ourCookies()),
				each(idleTasks, ginCookie(), ginMemstore(), ginGORM("SQLite"), ginGORM("PostgreSQL"), ginRedis()),
				each(idleTasks, scsMemstore(), scsSQLite(), scsGORM("SQLite"), scsPgx(), scsRedis()),
				each(idleTasks, gorillaFiles(), fiberMemory()),
			)},
		{id: sqliteSection, title: "SQLite", content: small,
			note: "A file in WAL mode with synchronous=NORMAL, for all.",
			entries: join(
				each(fullTasks, rawSQL("SQLite"), ourDB("SQLite"), ourCachedDB("SQLite", inMemory)),
				each(fullTasks, scsSQLite(), scsGORM("SQLite"), ginGORM("SQLite")),
				each(pairTasks, django("SQLite")),
			)},
		{id: postgresSection, title: "PostgreSQL", content: small,
			note: "Over the loopback interface, with synchronous_commit=on, for all.",
			entries: join(
				each(fullTasks, rawSQL("PostgreSQL"), ourDB("PostgreSQL"), ourCachedDB("PostgreSQL", inMemory), ourCachedDB("PostgreSQL", nearRedis)),
				each(fullTasks, scsPgx(), scsGORM("PostgreSQL"), ginGORM("PostgreSQL")),
				each(pairTasks, django("PostgreSQL")),
			)},
		{id: memorySection, title: "In memory", content: small,
			entries: join(
				each([]task{{read, 1}}, rawOtter()),
				each(append([]task{{plain, 1}}, fullTasks...), ourCached(inMemory), ourCachedDB("SQLite", inMemory)),
				each([]task{{read, 1}, {write, 1}}, ourDB("SQLite")),
				each(fullTasks, ginMemstore(), scsMemstore(), fiberMemory()),
			)},
		{id: redisSection, title: "Redis", content: small,
			note: "Over the loopback interface. ∥64 is where the client pipelines.",
			entries: join(
				each(wireTasks, rawRedis(), ourCached(inRedis), ourCached(nearRedis), ourCachedDB("SQLite", nearRedis)),
				each(wireTasks, ginRedis(), scsRedis()),
				each([]task{{read, 1}, {read, 8}}, ourCached(inMemory), ourCachedDB("SQLite", inMemory)),
			)},
		{id: cookieSection, title: "In the cookie", content: small,
			entries: each(fullTasks, rawSigning(), ourCookies(), ginCookie())},
		{id: fileSection, title: "Files", content: small,
			note: "ginsession syncs the file and the folder before it answers a WRITE; gorilla and the floors without “sync” do not.",
			entries: join(
				each(fullTasks, rawFile(false), rawFile(true), ourFile(), gorillaFiles()),
			)},
		{id: memcachedSection, title: "memcached", content: small,
			entries: each([]task{{read, 1}, {write, 1}, {read, 8}, {write, 8}}, rawMemcached(), ourCached(inMemcached))},
		{id: mariadbSection, title: "MariaDB", content: small,
			entries: each(fullTasks, rawSQL("MariaDB"), ourDB("MariaDB"), ourCachedDB("MariaDB", inMemory))},
		{id: largeSection, title: "A session of 50 keys and 10 KB", content: large,
			entries: join(
				each(coreTasks, rawSQL("SQLite"), ourDB("SQLite"), scsSQLite(), scsGORM("SQLite"), ginGORM("SQLite")),
				each(coreTasks, ourCachedDB("SQLite", inMemory), ourCached(inMemory), scsMemstore(), ginMemstore()),
				each(coreTasks, ourCached(inRedis), scsRedis()),
				each(coreTasks, ourFile(), gorillaFiles()),
			)},
	}
	for _, rows := range []struct {
		count int
		name  string
	}{{baseRows, "1k"}, {100_000, "100k"}, {1_000_000, "1M"}} {
		all = append(all, section{
			id: rowsSectionPrefix + rows.name, title: "With " + rows.name + " rows", content: small, rows: rows.count,
			entries: join(
				each(pairTasks, rawSQL("SQLite"), ourDB("SQLite"), scsSQLite(), scsGORM("SQLite"), ginGORM("SQLite")),
				each(pairTasks, rawSQL("PostgreSQL"), ourDB("PostgreSQL"), scsPgx(), scsGORM("PostgreSQL"), ginGORM("PostgreSQL")),
			),
		})
	}
	return all
}
