package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/cache/memcached"
	"github.com/ginsession/ginsession/cache/redis"
	"github.com/ginsession/ginsession/internal/testserver"
)

const testSecret = "a secret of the tests, long enough for them"

// A testSite is a site on one of the engines, and the flags that describe it.
type testSite struct {
	engine    ginsession.Engine
	flags     []string
	variables []string
}

func (ts testSite) manager(t *testing.T, configure ...func(*ginsession.Config)) *ginsession.Manager {
	t.Helper()
	config := ginsession.Config{Engine: ts.engine}
	if len(ts.variables) > 0 {
		config.SecretKey = testSecret
	}
	return newManager(t, config, configure...)
}

func (ts testSite) run(t *testing.T, stdin, command string, more ...string) result {
	t.Helper()
	return ginsessionCommand(t, ts.variables, stdin, slices.Concat([]string{command}, ts.flags, more)...)
}

func fileSite(t *testing.T) testSite {
	t.Helper()
	dir := t.TempDir()
	return testSite{ginsession.File(dir), []string{"--engine=file", "--dir", dir}, nil}
}

func redisURL(t *testing.T) string { return "redis://" + testserver.Env(t, "TEST_REDIS_ADDR") }

func openTestRedis(t *testing.T) *redis.Cache {
	t.Helper()
	cache, err := redis.New(redisURL(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cache.Close() })
	return cache
}

func redisSite(t *testing.T) testSite {
	return testSite{ginsession.Cached(openTestRedis(t)), []string{"--engine=cache", "--cache", redisURL(t)}, nil}
}

func memcachedSite(t *testing.T) testSite {
	t.Helper()
	addr := testserver.Env(t, "TEST_MEMCACHED_ADDR")
	cache, err := memcached.New(addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cache.Close() })
	return testSite{ginsession.Cached(cache), []string{"--engine=cache", "--cache=memcached://" + addr}, nil}
}

func cachedDBSite(t *testing.T) testSite {
	t.Helper()
	cache := openTestRedis(t)
	tt := newTestTable(t, sqliteDSN(t))
	flags := append([]string{"--engine=cached_db", "--cache", redisURL(t)}, tt.flags()...)
	return testSite{ginsession.CachedDB(tt.db, cache, ginsession.TableName(tt.name)), flags, nil}
}

func signedCookiesSite(*testing.T) testSite {
	return testSite{ginsession.SignedCookies(), []string{"--engine=signed_cookies"}, []string{"SECRET_KEY=" + testSecret}}
}

// forEachEngine runs f as a subtest for each engine; db with each database.
func forEachEngine(t *testing.T, f func(t *testing.T, ts testSite)) {
	t.Helper()
	for _, engine := range []struct {
		name string
		site func(*testing.T) testSite
	}{
		{"file", fileSite},
		{"cache, redis", redisSite},
		{"cache, memcached", memcachedSite},
		{"cached_db", cachedDBSite},
		{"signed_cookies", signedCookiesSite},
	} {
		t.Run(engine.name, func(t *testing.T) { f(t, engine.site(t)) })
	}
	for _, database := range testDatabases {
		t.Run("db, "+database.name, func(t *testing.T) { f(t, newTestTable(t, database.dsn(t)).site()) })
	}
}

func TestShowFindsASessionOnEachEngine(t *testing.T) {
	forEachEngine(t, func(t *testing.T, ts testSite) {
		m := ts.manager(t)
		s := m.Open(t.Context(), "")
		s.Set("cart", map[string]int{"ink": 2})
		s.SetExpiry(ginsession.ExpireAt(farAway))
		if err := s.Save(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = m.Delete(t.Context(), s.Key()) }) // signed cookies cannot
		got := ts.run(t, s.Key()+"\n", "show", "-")
		got.wantSuccess(t)
		if !strings.HasPrefix(got.stdout, "expires  2101-02-03 04:05:06 UTC (in ") || !strings.Contains(got.stdout, "  \"cart\": {\n    \"ink\": 2\n  }\n") {
			t.Errorf("stdout:\n%s", got.stdout)
		}

		unknown := strings.Repeat("k", 32)
		got = ts.run(t, "", "show", unknown)
		if got.status != 1 || got.stdout != "" || strings.Contains(got.stderr, unknown) ||
			!strings.HasPrefix(got.stderr, "ginsession: no live session of the ") && !strings.HasPrefix(got.stderr, "ginsession: the cookie has expired, or cannot be verified") {
			t.Errorf("an unknown key: status %d, stdout:\n%s\nstderr:\n%s", got.status, got.stdout, got.stderr)
		}
	})
}

func TestShowWithoutHashedKeysOnEachEngine(t *testing.T) {
	forEachEngine(t, func(t *testing.T, ts testSite) {
		raw := save(t, ts.manager(t, func(c *ginsession.Config) { c.HashKeys = ginsession.Off }), "kind", "raw")
		got := ts.run(t, "", "show", "--hash-keys=off", raw)
		if ts.variables != nil { // signed cookies: there is nothing to hash
			got.want(t, 2, "", "ginsession: --hash-keys has no effect with --engine=signed_cookies, which keeps sessions in the cookies themselves\n"+
				"It is for --engine=db|file|cache|cached_db.\n")
			return
		}
		if got.status != 0 || !strings.Contains(got.stdout, `"kind": "raw"`) {
			t.Errorf("status %d, stdout:\n%s\nstderr:\n%s", got.status, got.stdout, got.stderr)
		}
	})
}

func TestShowRefusesAnExpiredOrForgedCookie(t *testing.T) {
	ts := signedCookiesSite(t)
	old := func(c *ginsession.Config) { c.Clock = func() time.Time { return time.Now().Add(-20 * 24 * time.Hour) } }
	expired := save(t, ts.manager(t, old), "n", 1)
	const next = "\nSECRET_KEY, --cookie-age and --salt must be those of the site.\n" +
		"If the key has been changed since, give the one before with --secret-key-fallback-env.\n"
	const bad = "ginsession: the cookie has expired, or cannot be verified or decoded" + next
	ts.run(t, "", "show", expired).want(t, 1, "", bad)
	if got := ts.run(t, "", "show", expired, "--cookie-age=720h"); got.status != 0 {
		t.Errorf("--cookie-age=720h: status %d, stderr:\n%s", got.status, got.stderr)
	}
	forged := save(t, ts.manager(t, func(c *ginsession.Config) { c.SecretKey = "another" }), "n", 1)
	ts.run(t, "", "show", forged).want(t, 1, "", bad)
	rotated := ginsessionCommand(t, []string{"SECRET_KEY=" + testSecret, "OLD=another"}, "",
		"show", "--engine=signed_cookies", "--secret-key-fallback-env=OLD", forged)
	if rotated.status != 0 || !strings.Contains(rotated.stdout, `"n": 1`) {
		t.Errorf("with the fallback: status %d, stderr:\n%s", rotated.status, rotated.stderr)
	}
	ginsessionCommand(t, nil, "", "show", "--engine=signed_cookies", expired).want(t, 2, "",
		"ginsession: --engine=signed_cookies needs the key that cookies are signed with\n"+
			"Put it into the environment variable SECRET_KEY, or name another one with --secret-key-env.\n")
}

func TestClearSessionsOnEachEngine(t *testing.T) {
	forEachEngine(t, func(t *testing.T, ts testSite) {
		switch ts.flags[0] {
		case "--engine=cache":
			ts.run(t, "", "clearsessions").want(t, 0, "There is nothing to remove: sessions in a cache expire by themselves.\n", "")
			return
		case "--engine=signed_cookies":
			ts.run(t, "", "clearsessions").want(t, 0, "There is nothing to remove: signed cookies are not stored on the server.\n", "")
			return
		}
		m := ts.manager(t)
		saveEnding(t, m, 5, longAgo)
		key := save(t, m, "n", 1)
		ts.run(t, "", "clearsessions", "--dry-run").want(t, 0, "5 expired sessions would be removed.\n", "")
		ts.run(t, "", "clearsessions", "--batch=2", "--pause=0").want(t, 0, "5 expired sessions removed.\n", "")
		ts.run(t, "", "clearsessions").want(t, 0, "0 expired sessions removed.\n", "")
		ts.run(t, "", "show", key).wantSuccess(t)
	})
}

func TestCookieAgeMustBeWholeSeconds(t *testing.T) {
	got := fileSite(t).run(t, "", "stats", "--cookie-age=1500ms")
	if got.status != 2 || !strings.HasPrefix(got.stderr, "ginsession: bad configuration: CookieAge: 1.5s: use whole seconds") {
		t.Errorf("status %d, stderr:\n%s", got.status, got.stderr)
	}
}

// The expiry of a session in a file is computed from Config.CookieAge and its record.
func TestFilesAreReadWithTheSettingsOfTheSite(t *testing.T) {
	ts := fileSite(t)
	ts.variables = []string{"SECRET_KEY=" + testSecret}
	ts.flags = append(ts.flags, "--cookie-name=shop", "--cookie-age=720h", "--salt=s")
	m := ts.manager(t, func(c *ginsession.Config) {
		c.CookieName, c.CookieAge, c.Salt = "shop", 720*time.Hour, "s"
		c.Clock = func() time.Time { return time.Now().Add(-20 * 24 * time.Hour) }
	})
	save(t, m, "kept for", "30 days")
	s := m.Open(t.Context(), "")
	s.SetExpiry(ginsession.ExpireAfter(24 * time.Hour))
	if err := s.Save(); err != nil {
		t.Fatal(err)
	}
	got := ts.run(t, "", "stats")
	if got.status != 0 || !strings.HasPrefix(got.stdout, "live             1\nexpired          1\ndata bytes ") {
		t.Errorf("status %d, stdout:\n%s\nstderr:\n%s", got.status, got.stdout, got.stderr)
	}
	ts.variables = []string{"SECRET_KEY=the next secret", "OLD=" + testSecret}
	if got := ts.run(t, "", "stats", "--secret-key-fallback-env=OLD"); got.status != 0 || !strings.HasPrefix(got.stdout, "live             1\nexpired          1\n") {
		t.Errorf("after a rotation: status %d, stdout:\n%s\nstderr:\n%s", got.status, got.stdout, got.stderr)
	}
	ts.run(t, "", "clearsessions", "--secret-key-fallback-env=OLD").want(t, 0, "1 expired session removed.\n", "")

	ts.variables = nil
	ts.flags = ts.flags[:len(ts.flags)-1]
	if got := ts.run(t, "", "stats"); got.status != 0 || !strings.Contains(got.stdout, "unreadable       1\n") {
		t.Errorf("without the secret: status %d, stdout:\n%s\nstderr:\n%s", got.status, got.stdout, got.stderr)
	}
}

func TestStatsOnEachEngine(t *testing.T) {
	distance := regexp.MustCompile(`\((in )?[0-9]+ days( ago)?\)`)
	forEachEngine(t, func(t *testing.T, ts testSite) {
		switch ts.flags[0] {
		case "--engine=cache":
			ts.run(t, "", "stats").want(t, 1, "", "ginsession: the sessions cannot be counted: a cache cannot list them\n")
			return
		case "--engine=signed_cookies":
			ts.run(t, "", "stats").want(t, 1, "", "ginsession: the sessions cannot be counted: signed cookies are not stored on the server\n")
			return
		}
		stats := func() string {
			got := ts.run(t, "", "stats")
			got.wantSuccess(t)
			return distance.ReplaceAllString(got.stdout, "(${1}N days$2)")
		}
		m := ts.manager(t)
		if ts.flags[0] == "--engine=file" {
			addFilesThatAreNoSessions(t, ts.flags[2])
		}
		golden(t, "stats_empty", stats())
		saveEnding(t, m, 3, longAgo)
		saveEnding(t, m, 1, farAway)
		save(t, m, "name", "Zoë")
		golden(t, "stats", stats())
	})
}

func addFilesThatAreNoSessions(t *testing.T, dir string) {
	t.Helper()
	for _, name := range []string{"sessionid", "sessionidshort", "sessionid_not_a_key_at_all", "notes.txt"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("{}"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "sessionid"+strings.Repeat("d", 32)), 0o700); err != nil {
		t.Fatal(err)
	}
}

func TestMigrateOnEachEngine(t *testing.T) {
	for engine, where := range map[string]string{
		"file":           "files",
		"cache":          "a cache",
		"signed_cookies": "the cookies themselves",
	} {
		ginsessionCommand(t, nil, "", "migrate", "--engine", engine).
			want(t, 0, "There is nothing to migrate: --engine="+engine+" keeps sessions in "+where+".\n", "")
	}
	dsn := sqliteDSN(t)
	ginsessionCommand(t, nil, "", "migrate", "--engine=cached_db", "--dsn", dsn).want(t, 0, "The table gin_session is ready.\n", "")
	ginsessionCommand(t, nil, "", "stats", "--dsn", dsn).wantSuccess(t)
}

func TestMissingFolder(t *testing.T) {
	parent := t.TempDir()
	typo, file := filepath.Join(parent, "typo"), filepath.Join(parent, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, line := range [][]string{{"stats"}, {"clearsessions"}, {"clearsessions", "--dry-run"}, {"show", "k"}} {
		line = append(line, "--engine=file")
		ginsessionCommand(t, nil, "", append(line, "--dir", typo)...).want(t, 1, "", "ginsession: there is no folder "+typo+"\nCheck --dir.\n")
		ginsessionCommand(t, nil, "", append(line, "--dir", file)...).want(t, 1, "", "ginsession: "+file+" is not a folder\nName the folder that it is in.\n")
	}
	if _, err := os.Stat(typo); err == nil {
		t.Error("made the folder")
	}
}

func TestUnreachableCache(t *testing.T) {
	for url, stderr := range map[string]string{
		"redis://u:hunter2@127.0.0.1:1":    "ginsession: cannot connect to the cache: ",
		"redis://u:hunter2@127.0.0.1:1/%z": "ginsession: cannot connect to the cache: ",
		"redis://u:hunter2@127.0.0.1:1/x":  "ginsession: cannot connect to the cache: ",
		"memcached://127.0.0.1":            "ginsession: cannot use the cache: ",
		"memcached://127.0.0.1:1":          "ginsession: the session store is unavailable: ",
	} {
		got := ginsessionCommand(t, []string{"CACHE_URL=" + url}, "", "show", "--engine=cache", strings.Repeat("k", 32))
		if got.status != 1 || !strings.HasPrefix(got.stderr, stderr) || strings.Contains(got.stderr, "hunter2") {
			t.Errorf("%s: status %d, stderr:\n%s", url, got.status, got.stderr)
		}
	}
}
