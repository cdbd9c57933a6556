package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"log/slog"
	"time"
	_ "time/tzdata" // for --time-zone on systems without a time zone database

	"gorm.io/gorm"

	"github.com/ginsession/ginsession"
)

// djangoTable is the table whose keys are kept as they are.
const djangoTable = "django_session"

// siteFlags say which sessions a command works on.
type siteFlags struct {
	dsn      string
	table    string
	timeZone string
	keys     keyFlags
}

// keyFlags say how a session is found and read by its key.
type keyFlags struct {
	hashKeys  string
	secretEnv string
	salt      string
}

func (f *siteFlags) registerTable(flags *flag.FlagSet) {
	flags.StringVar(&f.dsn, "dsn", "", "the database's `DSN`; without it, the environment variable DATABASE_URL")
	flags.StringVar(&f.table, "table", ginsession.Model{}.TableName(), "the `name` of the sessions table")
}

func (f *siteFlags) register(flags *flag.FlagSet) {
	f.registerTable(flags)
	flags.StringVar(&f.timeZone, "time-zone", "", "for a Django site that has USE_TZ off: its TIME_ZONE,\na `zone` such as Europe/Paris; PostgreSQL does not need it")
}

func (k *keyFlags) register(flags *flag.FlagSet) {
	flags.StringVar(&k.hashKeys, "hash-keys", "", "`on|off`, as Config.HashKeys is; without it on,\nand off for the table django_session and with --time-zone")
	flags.StringVar(&k.secretEnv, "secret-key-env", "SECRET_KEY", "the `name` of the environment variable that holds the key\nthat records are signed with; where it is empty or not set,\nrecords are read as unsigned ones")
	flags.StringVar(&k.salt, "salt", "", "the `salt` of a site that has set one of its own")
}

// switchFor returns HashKeys as it was given, or as it is on a site that is Django's or not.
func (k keyFlags) switchFor(django bool) (ginsession.Switch, error) {
	switch {
	case k.hashKeys == "on", k.hashKeys == "" && !django:
		return ginsession.On, nil
	case k.hashKeys == "off", k.hashKeys == "":
		return ginsession.Off, nil
	}
	return 0, misuse("Write --hash-keys=on or --hash-keys=off.", "--hash-keys is neither on nor off")
}

// zone returns the time zone, or nil where none was given.
func (f *siteFlags) zone() (*time.Location, error) {
	if f.timeZone == "" {
		return nil, nil
	}
	zone, err := time.LoadLocation(f.timeZone)
	if err != nil {
		return nil, misuse("Name it like Europe/Paris.", "--time-zone: there is no time zone %q", f.timeZone)
	}
	return zone, nil
}

// A site is a database's sessions, as the program that they belong to is configured.
type site struct {
	db      *gorm.DB
	manager *ginsession.Manager
	table   table
	hashed  bool
}

// open connects to the database and makes sure that it has the table.
func (f *siteFlags) open(ctx context.Context, e *environment) (*site, error) {
	zone, err := f.zone()
	if err != nil {
		return nil, err
	}
	hashKeys, err := f.keys.switchFor(f.table == djangoTable || zone != nil)
	if err != nil {
		return nil, err
	}
	db, err := openDatabase(ctx, f.dsnFrom(e), false)
	if err != nil {
		return nil, err
	}
	s := &site{db: db, table: table{db, f.table, cmp.Or(zone, time.UTC)}, hashed: hashKeys == ginsession.On}
	if err := s.table.check(); err != nil {
		s.close()
		return nil, err
	}
	config := ginsession.Config{SecretKey: f.keys.secret(e)}
	if zone != nil {
		// ForDjango refuses to go without a secret. Nothing was ever signed with this one.
		config = ginsession.ForDjango(db, ginsession.DjangoOptions{SecretKey: cmp.Or(config.SecretKey, rand.Text()), Location: zone})
	}
	config.Engine = ginsession.DB(db, ginsession.TableName(f.table))
	config.Salt = f.keys.salt
	config.HashKeys = hashKeys
	config.Logger = slog.New(slog.DiscardHandler) // errors are returned as well
	if s.manager, err = ginsession.NewManager(config); err != nil {
		s.close()
		return nil, &problem{err: err, usage: true}
	}
	return s, nil
}

func (k keyFlags) secret(e *environment) string {
	if k.secretEnv == "" {
		return ""
	}
	return e.getenv(k.secretEnv)
}

func (f *siteFlags) dsnFrom(e *environment) string {
	if f.dsn != "" {
		return f.dsn
	}
	return e.getenv("DATABASE_URL")
}

func (s *site) close() { closeDatabase(s.db) }

func closeDatabase(db *gorm.DB) {
	if pool, err := db.DB(); err == nil {
		_ = pool.Close()
	}
}

// count puts a number before a noun.
func count(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
