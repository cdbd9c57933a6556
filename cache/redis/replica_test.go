package redis_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ginsession/ginsession/cache/redis"
)

// demote makes old a replica of next and waits until it follows.
func demote(t *testing.T, old, next *server) {
	t.Helper()
	if err := old.do(t, "REPLICAOF", "127.0.0.1", next.port()).Error(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the old master follows the new one", func() bool {
		info, _ := old.do(t, "INFO", "replication").ToString()
		return strings.Contains(info, "master_link_status:up")
	})
}

// Each write is the first one after a failover that broke no connection.
func TestAWriteFollowsTheMasterToAnotherServer(t *testing.T) {
	writes := map[string]func(*testing.T, *redis.Cache){
		"Add":            func(t *testing.T, c *redis.Cache) { add(t, c, "another", "value") },
		"CompareAndSwap": func(t *testing.T, c *redis.Cache) { swap(t, c, "key", "old", "new") },
		"Delete":         func(t *testing.T, c *redis.Cache) { remove(t, c, "key") },
	}
	for name, write := range writes {
		for kind, opts := range map[string][]redis.Option{"near cache": nil, "no near cache": {redis.NearCache(0)}} {
			t.Run(name+", "+kind, func(t *testing.T) {
				old := startServer(t)
				next := startServer(t, "--repl-diskless-sync-delay", "0")
				address := newForwarder(t, old.addr)
				c := open(t, address.url(), opts...)
				add(t, c, "key", "old")
				swap(t, c, "key", "old", "old")
				next.do(t, "SET", "key", "old")
				get(t, c, "key") // the near cache has it now

				demote(t, old, next)
				address.moveTo(next.addr)
				write(t, c)

				if name == "CompareAndSwap" {
					if got, _ := next.do(t, "GET", "key").ToString(); got != "new" {
						t.Errorf("the new master has %q; want what was written", got)
					}
				}
				old.kill(t)
				if _, _, err := c.Get(t.Context(), "a key that nobody has read"); err != nil {
					t.Errorf("a read after the old server has gone: %v; want the new one's answer", err)
				}
			})
		}
	}
}

// A replica that has lost its master may refuse reads as well.
func TestAReadFollowsTheMasterToAnotherServer(t *testing.T) {
	old := startServer(t, "--replica-serve-stale-data", "no")
	next, gone := startServer(t), freeAddr(t)
	address := newForwarder(t, old.addr)
	c := open(t, address.url())
	next.do(t, "SET", "key", "value")
	_, port, _ := net.SplitHostPort(gone)
	old.do(t, "REPLICAOF", "127.0.0.1", port)

	if _, _, err := c.Get(t.Context(), "key"); err == nil || !strings.Contains(err.Error(), "MASTERDOWN") {
		t.Errorf("a read of a replica that has lost its master: %v; want its answer", err)
	}
	address.moveTo(next.addr)
	eventually(t, "a read reaches the new master", func() bool {
		value, _, err := c.Get(t.Context(), "key")
		return err == nil && string(value) == "value"
	})
}

// The address still leads to the old master when the first write fails.
func TestAWriteIsRefusedUntilTheAddressLeadsToTheMaster(t *testing.T) {
	old := startServer(t)
	next := startServer(t, "--repl-diskless-sync-delay", "0")
	address := newForwarder(t, old.addr)
	c := open(t, address.url())
	add(t, c, "key", "value")
	next.do(t, "SET", "key", "value")
	demote(t, old, next)

	_, added := c.Add(t.Context(), "another", []byte("value"), time.Hour)
	_, swapped := c.CompareAndSwap(t.Context(), "key", []byte("value"), []byte("new"), time.Hour)
	deleted := c.Delete(t.Context(), "key")
	for _, err := range []error{added, swapped, deleted} {
		if err == nil || !strings.Contains(err.Error(), "READONLY You can't write against a read only replica") {
			t.Errorf("a write to a replica: %v; want the server's whole answer", err)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Delete(ended, "key"); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that has ended: %v; want its error", err)
	}

	address.moveTo(next.addr)
	eventually(t, "writes reach the new master", func() bool { return c.Delete(t.Context(), "key") == nil })
	if next.exists(t, "key") {
		t.Error("Delete returned without an error and the new master still has the key")
	}
}

// All writes notice the failover at the same time, and share one reconnection.
func TestManyWritesFollowTheMasterOverOneReconnection(t *testing.T) {
	old := startServer(t)
	next := startServer(t, "--repl-diskless-sync-delay", "0")
	address := newForwarder(t, old.addr)
	c := open(t, address.url())
	demote(t, old, next)
	address.moveTo(next.addr)

	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() {
			for n := range 20 {
				add(t, c, fmt.Sprint(i, "/", n), "value")
			}
		})
	}
	all.Wait()
	if n, _ := next.do(t, "DBSIZE").AsInt64(); n != 64*20 {
		t.Errorf("the new master has %d keys; want %d", n, 64*20)
	}
}
