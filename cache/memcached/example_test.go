package memcached_test

import (
	"context"
	"crypto/tls"
	"log"
	"net"

	"github.com/bradfitz/gomemcache/memcache"
	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/cache/memcached"
)

func Example() {
	cache, err := memcached.New("10.0.0.1:11211", "10.0.0.2:11211")
	if err != nil {
		log.Fatal(err)
	}
	defer cache.Close()

	r := gin.Default()
	r.Use(ginsession.New(ginsession.Config{Engine: ginsession.Cached(cache)}))
}

// Use your own client for TLS, or to share it with the rest of the program.
func ExampleNewFromClient() {
	client := memcache.New("cache.example.org:11211")
	client.Timeout = memcached.Timeout
	client.MaxIdleConns = 100
	client.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		return new(tls.Dialer).DialContext(ctx, network, address)
	}
	cache := memcached.NewFromClient(client, "shop:")
	defer cache.Close()
}
