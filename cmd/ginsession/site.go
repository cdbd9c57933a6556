package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"log/slog"
	"strings"
	"time"
	_ "time/tzdata" // for --time-zone on systems without a time zone database

	"gorm.io/gorm"

	"github.com/ginsession/ginsession"
)

// djangoTable is Django's table, in which keys are not hashed.
const djangoTable = "django_session"

// siteFlags are the flags that tell which sessions a command works on.
type siteFlags struct {
	engine     string
	dsn, table string
	dir        string
	cache      string
	cookieName string
	cookieAge  time.Duration
	timeZone   string
	keys       keyFlags
	given      *flag.FlagSet // to list the flags that were given
}

// keyFlags are the flags that tell how keys are hashed and records are signed.
type keyFlags struct {
	hashKeys  string
	secretEnv string
	retired   []string // names of environment variables
	salt      string
}

func (f *siteFlags) registerTable(flags *flag.FlagSet) {
	f.given = flags
	flags.StringVar(&f.engine, "engine", dbEngine, "where the site keeps sessions, the `name` of an engine:\n"+strings.Join(engineNames(), ", "))
	flags.StringVar(&f.dsn, "dsn", "", "the `DSN` of the database; if not given, the value of the\nenvironment variable DATABASE_URL")
	flags.StringVar(&f.table, "table", ginsession.Model{}.TableName(), "the `name` of the sessions table")
}

func (f *siteFlags) register(flags *flag.FlagSet) {
	f.registerTable(flags)
	flags.StringVar(&f.dir, "dir", "", "file: the `folder` of the sessions' files")
	flags.StringVar(&f.cache, "cache", "", "cache, cached_db: the `URL` of the cache;\nif not given, the value of the environment variable CACHE_URL")
	flags.StringVar(&f.cookieName, "cookie-name", "sessionid", "the `name` of the session cookie, which is part of how keys\nare hashed, and of the names of files")
	flags.DurationVar(&f.cookieAge, "cookie-age", 14*24*time.Hour, "file, signed_cookies: Config.CookieAge,\na `duration` such as 336h")
	f.keys.registerSignature(flags)
	flags.StringVar(&f.timeZone, "time-zone", "", "for a Django site with USE_TZ off: its TIME_ZONE,\na `zone` such as Europe/Paris; not needed for PostgreSQL")
}

func (k *keyFlags) registerHash(flags *flag.FlagSet) {
	flags.StringVar(&k.hashKeys, "hash-keys", "", "`on|off`, as Config.HashKeys of the site; if not given, on,\nbut off for the table django_session and with --time-zone")
}

func (k *keyFlags) registerSignature(flags *flag.FlagSet) {
	flags.StringVar(&k.secretEnv, "secret-key-env", "SECRET_KEY", "the `name` of the environment variable that holds the key\nthat records are signed with; if that is empty or not set,\nrecords are read as unsigned")
	flags.Func("secret-key-fallback-env", "the `name` of an environment variable that holds a retired\nkey, with which records are still read, as with\nConfig.SecretKeyFallbacks; may be given several times", func(name string) error {
		k.retired = append(k.retired, name)
		return nil
	})
	flags.StringVar(&k.salt, "salt", "", "Config.Salt of the site, if it sets a `salt`")
}

// switchFor returns HashKeys as given, or its default on a site that shares Django's table or not.
func (k keyFlags) switchFor(django bool) (ginsession.Switch, error) {
	switch {
	case k.hashKeys == "on", k.hashKeys == "" && !django:
		return ginsession.On, nil
	case k.hashKeys == "off", k.hashKeys == "":
		return ginsession.Off, nil
	}
	return 0, misuse("Write --hash-keys=on or --hash-keys=off.", "--hash-keys is neither on nor off")
}

// zone returns the time zone, or nil if none was given.
func (f *siteFlags) zone() (*time.Location, error) {
	if f.timeZone == "" {
		return nil, nil
	}
	zone, err := time.LoadLocation(f.timeZone)
	if err != nil {
		return nil, misuse("Name it like Europe/Paris.", "--time-zone: there is no time zone %s", quote(f.timeZone))
	}
	return zone, nil
}

// A site is an open engine with a Manager that is configured like the site's.
type site struct {
	manager   *ginsession.Manager
	engine    engine
	inventory inventory // nil if sessions cannot be listed
	zone      *time.Location
	place     string // names the store, for the error if a session is not found
	hint      string // the reasons why it may not be found
	closers   []func()
	refused   refusedRecords
}

// An inventory counts sessions.
type inventory interface {
	// expired returns the number of sessions that ClearExpired would remove.
	expired(ctx context.Context, now time.Time) (int64, error)

	totals(ctx context.Context, now time.Time) (totals, error)
}

// open opens the engine, and returns an error if its table or folder is missing.
func (f *siteFlags) open(ctx context.Context, e *environment) (*site, error) {
	zone, err := f.zone()
	if err != nil {
		return nil, err
	}
	hashKeys, err := f.keys.switchFor(f.table == djangoTable || zone != nil)
	if err != nil {
		return nil, err
	}
	en, err := f.chosen()
	if err != nil {
		return nil, err
	}
	s := &site{engine: en, zone: zone}
	if err := s.open(ctx, e, f, hashKeys); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *site) open(ctx context.Context, e *environment, f *siteFlags, hashKeys ginsession.Switch) error {
	fallbacks, err := f.keys.fallbacks(e)
	if err != nil {
		return err
	}
	opened, err := s.engine.open(ctx, e, f, s)
	if err != nil {
		return err
	}
	config := ginsession.Config{SecretKey: f.keys.secret(e)}
	if s.zone != nil {
		// ForDjango requires a secret key. This random one has signed nothing.
		config = ginsession.ForDjango(nil, ginsession.DjangoOptions{SecretKey: cmp.Or(config.SecretKey, rand.Text()), Location: s.zone})
	}
	config.SecretKeyFallbacks = fallbacks
	config.Engine = opened
	config.CookieName = f.cookieName
	config.CookieSecure = true // a name may demand it
	config.CookieAge = f.cookieAge
	config.Salt = f.keys.salt
	config.HashKeys = hashKeys
	config.Logger = slog.New(&s.refused)
	if s.engine.name == fileEngine {
		s.inventory, err = newFolder(f.dir, config)
	}
	if err == nil {
		s.manager, err = ginsession.NewManager(config)
	}
	if err != nil {
		return &problem{err: err, usage: true}
	}
	return nil
}

// openTable connects to the database, and returns an error if it does not have the table.
func (s *site) openTable(ctx context.Context, e *environment, f *siteFlags) (table, error) {
	db, err := openDatabase(ctx, f.dsnFrom(e), false)
	if err != nil {
		return table{}, err
	}
	s.closers = append(s.closers, func() { closeDatabase(db) })
	t := table{db, f.table, cmp.Or(s.zone, time.UTC)}
	s.inventory = t
	s.place = "the table " + f.table
	s.hint = "It has ended or expired, or belongs to another --table or database.\n" +
		"KEY is the cookie's value. Only with --hash-keys=off is it also the table's session_key."
	return t, t.check()
}

func (k keyFlags) secret(e *environment) string {
	if k.secretEnv == "" {
		return ""
	}
	return e.getenv(k.secretEnv)
}

// fallbacks returns the retired keys in the order of the flags.
func (k keyFlags) fallbacks(e *environment) ([]string, error) {
	if len(k.retired) > 0 && k.secret(e) == "" {
		return nil, misuse("Put it into the environment variable SECRET_KEY, or name another one with --secret-key-env.",
			"--secret-key-fallback-env needs the key that signs now")
	}
	var keys []string
	for i, name := range k.retired {
		key := e.getenv(name)
		if key == "" { // the name is not shown: it may be the key itself, given by mistake
			return nil, misuse("Give the name of a variable, not the key.", "--secret-key-fallback-env, number %d: the environment variable is empty or not set", i+1)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

func (f *siteFlags) dsnFrom(e *environment) string {
	if f.dsn != "" {
		return f.dsn
	}
	return e.getenv("DATABASE_URL")
}

func (f *siteFlags) cacheFrom(e *environment) string {
	if f.cache != "" {
		return f.cache
	}
	return e.getenv("CACHE_URL")
}

func (s *site) close() {
	for _, c := range s.closers {
		c()
	}
}

func closeDatabase(db *gorm.DB) {
	if pool, err := db.DB(); err == nil {
		_ = pool.Close()
	}
}

// count returns a number with its noun, in the plural unless n is 1.
func count(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
