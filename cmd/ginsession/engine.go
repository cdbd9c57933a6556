package main

import (
	"context"
	"flag"
	"slices"
	"strings"

	"github.com/ginsession/ginsession"
)

// The engines, with Django's names.
const (
	dbEngine            = "db"
	fileEngine          = "file"
	cacheEngine         = "cache"
	cachedDBEngine      = "cached_db"
	signedCookiesEngine = "signed_cookies"
)

// An engine is one of the places where a site can keep its sessions.
type engine struct {
	name  string
	where string   // it keeps sessions, for error texts
	flags []string // the flags that it uses and that some other engine does not
	open  opener

	// Why clearsessions and stats cannot work with this engine, or "" if they can.
	nothingToClear, uncountable string
}

// An opener opens what an engine needs and adds to the site's closers.
type opener func(ctx context.Context, e *environment, f *siteFlags, s *site) (ginsession.Engine, error)

func engines() []engine {
	return []engine{
		{
			name:  dbEngine,
			where: "a table of a database",
			flags: []string{"dsn", "table", "cookie-name", "time-zone", "hash-keys"},
			open:  openDB,
		},
		{
			name:  fileEngine,
			where: "files",
			flags: []string{"dir", "cookie-name", "cookie-age", "time-zone", "hash-keys"},
			open:  openFile,
		},
		{
			name:           cacheEngine,
			where:          "a cache",
			flags:          []string{"cache", "cookie-name", "hash-keys"},
			open:           openCached,
			nothingToClear: "sessions in a cache expire by themselves",
			uncountable:    "a cache cannot list them",
		},
		{
			name:  cachedDBEngine,
			where: "a table of a database, with copies in a cache",
			flags: []string{"dsn", "table", "cache", "cookie-name", "hash-keys"},
			open:  openCachedDB,
		},
		{
			name:           signedCookiesEngine,
			where:          "the cookies themselves",
			flags:          []string{"cookie-age", "time-zone"},
			open:           openSignedCookies,
			nothingToClear: "signed cookies are not stored on the server",
			uncountable:    "signed cookies are not stored on the server",
		},
	}
}

func engineNames() []string {
	var names []string
	for _, en := range engines() {
		names = append(names, en.name)
	}
	return names
}

// chosen returns the engine that --engine names. It refuses flags that this engine does not
// use, because the command would not do what the user expects.
func (f *siteFlags) chosen() (engine, error) {
	all := engines()
	i := slices.IndexFunc(all, func(en engine) bool { return en.name == f.engine })
	if i < 0 {
		return engine{}, misuse("Write one of "+strings.Join(engineNames(), ", ")+".", "--engine: there is no engine %s", quote(f.engine))
	}
	var err error
	f.given.Visit(func(given *flag.Flag) {
		if err == nil {
			err = all[i].accept(given.Name)
		}
	})
	return all[i], err
}

func (en engine) has(name string) bool { return slices.Contains(en.flags, name) }

// accept returns an error if only other engines use the flag.
func (en engine) accept(name string) error {
	var others []string
	for _, other := range engines() {
		if other.has(name) {
			others = append(others, other.name)
		}
	}
	if len(others) == 0 || en.has(name) {
		return nil
	}
	return misuse("It is for --engine="+strings.Join(others, "|")+".",
		"--%s has no effect with --engine=%s, which keeps sessions in %s", name, en.name, en.where)
}

func openDB(ctx context.Context, e *environment, f *siteFlags, s *site) (ginsession.Engine, error) {
	t, err := s.openTable(ctx, e, f)
	if err != nil {
		return nil, err
	}
	return ginsession.DB(t.db, ginsession.TableName(t.name)), nil
}

func openFile(_ context.Context, _ *environment, f *siteFlags, s *site) (ginsession.Engine, error) {
	if err := checkFolder(f.dir); err != nil {
		return nil, err
	}
	s.place = "the folder " + f.dir
	s.hint = "It has ended or expired, or belongs to another --dir or --cookie-name.\n" +
		"KEY is the cookie's value. Only with --hash-keys=off is it also the end of the file's name."
	return ginsession.File(f.dir), nil
}

func openCached(ctx context.Context, e *environment, f *siteFlags, s *site) (ginsession.Engine, error) {
	cache, err := s.openCache(f.cacheFrom(e))
	if err != nil {
		return nil, err
	}
	s.place = "the cache"
	s.hint = "It has ended or expired, or belongs to another --cache.\n" +
		"KEY is the cookie's value; --hash-keys must be as on the site."
	return ginsession.Cached(cache), nil
}

func openCachedDB(ctx context.Context, e *environment, f *siteFlags, s *site) (ginsession.Engine, error) {
	cache, err := s.openCache(f.cacheFrom(e))
	if err != nil {
		return nil, err
	}
	t, err := s.openTable(ctx, e, f)
	if err != nil {
		return nil, err
	}
	return ginsession.CachedDB(t.db, cache, ginsession.TableName(t.name)), nil
}

func openSignedCookies(_ context.Context, e *environment, f *siteFlags, _ *site) (ginsession.Engine, error) {
	if f.keys.secret(e) == "" {
		return nil, misuse("Put it into the environment variable SECRET_KEY, or name another one with --secret-key-env.",
			"--engine=%s needs the key that cookies are signed with", signedCookiesEngine)
	}
	return ginsession.SignedCookies(), nil
}
