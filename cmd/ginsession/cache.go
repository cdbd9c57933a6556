package main

import (
	"strings"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/cache/memcached"
	"github.com/ginsession/ginsession/cache/redis"
)

const cacheForms = `A cache is redis://user:password@host:6379/0, the same with rediss for TLS,
or memcached://host:11211,host2:11211.`

// openCache connects to the cache that a URL names.
func (s *site) openCache(url string) (ginsession.Cache, error) {
	scheme, servers, found := strings.Cut(url, "://")
	switch {
	case url == "":
		return nil, misuse(cacheForms, "which cache? Set CACHE_URL or use --cache")
	case url == "memory":
		return nil, misuse(cacheForms, "the cache %q is inside the site's own process, and no other program can read it", url)
	case !found:
		return nil, misuse(cacheForms, "the cache's URL does not say what kind of cache it is")
	case wronglyEncoded(url):
		return nil, misuse(percentEncode, "the cache's URL has a special character that must be percent-encoded")
	case scheme == "redis", scheme == "rediss":
		return s.openRedis(url)
	case scheme == "memcached" && strings.Contains(servers, "@"):
		return nil, misuse(cacheForms, "memcached takes no user and no password")
	case scheme == "memcached":
		return s.openMemcached(servers)
	default:
		return nil, misuse(cacheForms, "the kind of cache is unknown")
	}
}

const cacheTrouble = "Is the cache running, and is its URL right?"

func (s *site) openRedis(url string) (ginsession.Cache, error) {
	cache, err := redis.New(url, redis.NearCache(0))
	if err != nil {
		return nil, trouble(cacheTrouble, "cannot connect to the cache: %w", err)
	}
	s.closers = append(s.closers, func() { _ = cache.Close() })
	return cache, nil
}

func (s *site) openMemcached(servers string) (ginsession.Cache, error) {
	cache, err := memcached.New(strings.Split(servers, ",")...)
	if err != nil {
		return nil, trouble(cacheTrouble, "cannot use the cache: %w", err)
	}
	s.closers = append(s.closers, func() { _ = cache.Close() })
	return cache, nil
}
