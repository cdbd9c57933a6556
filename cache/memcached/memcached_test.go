package memcached_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net"
	"os/exec"
	"os/user"
	"strings"
	"testing"
	"time"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/cache/memcached"
	"github.com/ginsession/ginsession/enginetest"
	"github.com/ginsession/ginsession/internal/testserver"
)

var _ ginsession.Cache = (*memcached.Cache)(nil)

func TestRules(t *testing.T) {
	addr := addr(t)
	t.Run("New", func(t *testing.T) {
		enginetest.Cache(t, func(t *testing.T) ginsession.Cache { return open(t, addr) })
	})
	t.Run("NewFromClient", func(t *testing.T) {
		client := memcache.New(addr)
		client.MaxIdleConns = 64
		enginetest.Cache(t, func(t *testing.T) ginsession.Cache {
			c := memcached.NewFromClient(client, "app:")
			t.Cleanup(func() { c.Close() })
			return c
		})
	})
}

func addr(t testing.TB) string {
	t.Helper()
	return testserver.Env(t, "TEST_MEMCACHED_ADDR")
}

func open(t testing.TB, servers ...string) *memcached.Cache {
	t.Helper()
	c, err := memcached.New(servers...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestPrefixBeginsTheKey(t *testing.T) {
	client := memcache.New(addr(t))
	key := rand.Text()
	c := memcached.NewFromClient(client, "app:")
	t.Cleanup(func() { c.Delete(context.Background(), key); c.Close() })
	if ok, err := c.Add(t.Context(), key, []byte("value"), time.Hour); !ok || err != nil {
		t.Fatalf("Add: %v, %v", ok, err)
	}
	if item, err := client.Get("app:" + key); err != nil || string(item.Value) != "value" {
		t.Errorf("the server has %v, %v under the prefixed key; want the value", item, err)
	}
}

// A key with a line break would begin another command.
func TestABadKeyNeverReachesTheServer(t *testing.T) {
	requests := make(chan struct{}, 100)
	server := listen(t, func(conn net.Conn) { requests <- struct{}{}; conn.Close() })
	plain, prefixed := open(t, server), memcached.NewFromClient(memcache.New(server), strings.Repeat("p", 60))
	badPrefix := memcached.NewFromClient(memcache.New(server), "a b")

	for name, test := range map[string]struct {
		cache *memcached.Cache
		key   string
	}{
		"empty":                {plain, ""},
		"a space":              {plain, "secret key"},
		"a line end":           {plain, "secret\r\nflush_all\r\n"},
		"NUL":                  {plain, "secret\x00"},
		"DEL":                  {plain, "secret\x7f"},
		"251 bytes":            {plain, strings.Repeat("secret", 42)[:251]},
		"251 bytes altogether": {prefixed, strings.Repeat("secret", 42)[:191]},
		"a space in a prefix":  {badPrefix, "secret"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, value := t.Context(), []byte("value")
			_, _, get := test.cache.Get(ctx, test.key)
			_, add := test.cache.Add(ctx, test.key, value, time.Hour)
			_, swap := test.cache.CompareAndSwap(ctx, test.key, value, value, time.Hour)
			for name, err := range map[string]error{
				"Get": get, "Add": add, "CompareAndSwap": swap, "Delete": test.cache.Delete(ctx, test.key),
			} {
				if err == nil || !strings.Contains(err.Error(), "key") || strings.Contains(err.Error(), "secret") {
					t.Errorf("%s: %v; want an error about the key that does not quote it", name, err)
				}
			}
			if len(requests) != 0 {
				t.Errorf("%d requests reached the server", len(requests))
			}
		})
	}
}

func TestAKeyOf250BytesIsGood(t *testing.T) {
	c := open(t, addr(t))
	key := rand.Text() + strings.Repeat("k", 250-len(rand.Text()))
	if ok, err := c.Add(t.Context(), key, []byte("value"), time.Hour); !ok || err != nil {
		t.Errorf("Add: %v, %v; want true", ok, err)
	}
	if err := c.Delete(t.Context(), key); err != nil {
		t.Error(err)
	}
}

func TestAValueLargerThanAnItemIsAClearError(t *testing.T) {
	c := open(t, addr(t))
	key := rand.Text()
	_, err := c.Add(t.Context(), key, make([]byte, 2<<20), time.Hour)
	if err == nil || !strings.Contains(err.Error(), "item size") {
		t.Errorf("Add of 2 MiB: %v; want an error that names the item size", err)
	}
	if _, ok, err := c.Get(t.Context(), key); ok || err != nil {
		t.Errorf("Get after it: %v, %v; want absent", ok, err)
	}
}

func TestAFullServerEvicts(t *testing.T) {
	s := startServer(t, "--memory-limit=5")
	c := open(t, s.addr)
	for i := range 2000 {
		if ok, err := c.Add(t.Context(), fmt.Sprint("key", i), make([]byte, 10_000), time.Hour); !ok || err != nil {
			t.Fatalf("Add: %v, %v; want true", ok, err)
		}
	}
	if _, ok, err := c.Get(t.Context(), "key0"); ok || err != nil {
		t.Errorf("Get of the first of 20 MB in a server of 5: %v, %v; want absent", ok, err)
	}
}

func TestAKilledServerIsAnErrorAndThenForgotten(t *testing.T) {
	s := startServer(t)
	c := open(t, s.addr)
	var calls = map[string]func() error{
		"Get":    func() error { _, _, err := c.Get(t.Context(), "key"); return err },
		"Delete": func() error { return c.Delete(t.Context(), "key") },
		"Add":    func() error { _, err := c.Add(t.Context(), "key", []byte("value"), time.Hour); return err },
		"CompareAndSwap": func() error {
			_, err := c.CompareAndSwap(t.Context(), "key", []byte("value"), []byte("value"), time.Hour)
			return err
		},
	}
	warm := func() {
		done := make(chan error)
		for range 20 {
			go func() { done <- calls["Get"]() }()
		}
		for range 20 {
			if err := <-done; err != nil {
				t.Fatalf("Get: %v", err)
			}
		}
	}

	warm()
	s.kill(t)
	for name, call := range calls {
		if err := call(); err == nil {
			t.Errorf("%s without a server: no error", name)
		}
	}
	s.start(t)
	for name, call := range calls {
		if err := call(); err != nil {
			t.Errorf("%s after the restart: %v", name, err)
		}
	}

	// The idle connections find out only when they are used.
	for _, read := range []string{"Get", "Delete", "CompareAndSwap"} {
		warm()
		s.kill(t)
		s.start(t)
		if err := calls[read](); err != nil {
			t.Errorf("%s on an idle connection after a restart: %v", read, err)
		}
	}
	warm()
	s.kill(t)
	s.start(t)
	if calls["Add"]() != nil { // it may be an error: whether it has happened is unknown
		if err := calls["Add"](); err != nil {
			t.Errorf("the second Add after a restart: %v", err)
		}
	}
}

func TestAServerThatHangsEndsWithTheTimeout(t *testing.T) {
	server := listen(t, func(conn net.Conn) { t.Cleanup(func() { conn.Close() }) })
	client := memcache.New(server)
	client.Timeout = 50 * time.Millisecond
	c := memcached.NewFromClient(client, "")
	_, _, err := c.Get(t.Context(), "key")
	var network net.Error
	if !errors.As(err, &network) || !network.Timeout() {
		t.Errorf("Get: %v; want a timeout", err)
	}
}

// A server that is not memcached may repeat the request in its answer.
func TestErrorsHoldNoKeyAndNoValue(t *testing.T) {
	server := listen(t, func(conn net.Conn) {
		request := make([]byte, 1000)
		n, _ := conn.Read(request)
		line, _, _ := bytes.Cut(request[:n], []byte("\r\n"))
		fmt.Fprintf(conn, "ERROR what is %s\r\n", line)
		conn.Close()
	})
	c := open(t, server)
	ctx := t.Context()
	_, _, get := c.Get(ctx, "secret")
	_, add := c.Add(ctx, "secret", []byte("secret"), time.Hour)
	_, swap := c.CompareAndSwap(ctx, "secret", []byte("secret"), []byte("secret"), time.Hour)
	for name, err := range map[string]error{"Get": get, "Add": add, "CompareAndSwap": swap, "Delete": c.Delete(ctx, "secret")} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
		for ; err != nil; err = errors.Unwrap(err) {
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("%s: the error holds the key or the value: %v", name, err)
			}
		}
	}
}

func TestNewReportsWhatIsWrong(t *testing.T) {
	for name, servers := range map[string][]string{
		"no server": nil,
		"no port":   {"localhost"},
	} {
		if _, err := memcached.New(servers...); err == nil {
			t.Errorf("New with %s: no error", name)
		}
	}
}

// listen runs f for each connection and returns the address.
func listen(t testing.TB, f func(net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			f(conn)
		}
	}()
	return listener.Addr().String()
}

// A server is a memcached that one test starts and may break.
type server struct {
	addr string
	args []string
	cmd  *exec.Cmd
}

func startServer(t testing.TB, args ...string) *server {
	t.Helper()
	s := &server{addr: freeAddr(t), args: args}
	t.Cleanup(func() { s.kill(t) })
	s.start(t)
	return s
}

func (s *server) start(t testing.TB) {
	t.Helper()
	if _, err := exec.LookPath("memcached"); err != nil {
		testserver.Missing(t, "no memcached in PATH: run the tests by scripts/with-servers")
	}
	host, port, _ := net.SplitHostPort(s.addr)
	args := append([]string{"--listen=" + host, "--port=" + port, "--udp-port=0"}, s.args...)
	if me, err := user.Current(); err == nil && me.Uid == "0" {
		args = append(args, "--user=nobody") // memcached refuses to run as root
	}
	s.cmd = exec.Command("memcached", args...)
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); ; {
		conn, err := net.Dial("tcp", s.addr)
		if err == nil {
			conn.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("memcached does not listen within 20 seconds: %v", err)
		}
	}
}

// kill ends the server like kill -9, and waits until it has ended.
func (s *server) kill(t testing.TB) {
	t.Helper()
	if s.cmd == nil {
		return
	}
	s.cmd.Process.Kill()
	s.cmd.Wait()
	s.cmd = nil
}

// freeAddr returns a free address with a port below those of outgoing connections.
func freeAddr(t testing.TB) string {
	t.Helper()
	for range 1000 {
		addr := fmt.Sprintf("127.0.0.1:%d", 20000+mathrand.IntN(12000))
		if listener, err := net.Listen("tcp", addr); err == nil {
			listener.Close()
			return addr
		}
	}
	t.Fatal("no free port")
	return ""
}
