package redis_test

import (
	"crypto/tls"
	"log"
	"os"

	"github.com/gin-gonic/gin"
	"github.com/valkey-io/valkey-go"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/cache/redis"
)

func Example() {
	cache, err := redis.New("redis://localhost:6379/0", redis.Prefix("shop:"))
	if err != nil {
		log.Fatal(err)
	}
	defer cache.Close()

	r := gin.Default()
	r.Use(ginsession.New(ginsession.Config{Engine: ginsession.Cached(cache)}))
}

// Two Sentinels, TLS with a client certificate, and less memory for copies in this process.
func ExampleConfigure() {
	certificate, err := tls.LoadX509KeyPair("client.crt", "client.key")
	if err != nil {
		log.Fatal(err)
	}
	cache, err := redis.New("rediss://sentinel1:26379?addr=sentinel2:26379&master_set=mymaster",
		redis.NearCache(16<<20),
		redis.Configure(func(o *valkey.ClientOption) {
			o.TLSConfig.Certificates = []tls.Certificate{certificate}
			o.Sentinel.TLSConfig = o.TLSConfig
			o.Sentinel.Password = os.Getenv("SENTINEL_PASSWORD")
		}))
	if err != nil {
		log.Fatal(err)
	}
	defer cache.Close()
}

func ExampleNewFromClient() {
	client, err := valkey.NewClient(valkey.ClientOption{InitAddress: []string{"localhost:6379"}})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	caches := ginsession.Caches{"default": redis.NewFromClient(client, "shop:")}
	r := gin.Default()
	r.Use(ginsession.New(ginsession.Config{Engine: ginsession.Cached(caches.Use("default"))}))
}
