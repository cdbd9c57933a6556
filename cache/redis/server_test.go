package redis_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/valkey-io/valkey-go"

	"github.com/ginsession/ginsession/cache/redis"
	"github.com/ginsession/ginsession/internal/testserver"
)

// addr returns the address of a server that the tests share: they use random keys and do not harm it.
func addr(t testing.TB) string {
	t.Helper()
	return testserver.Env(t, "TEST_REDIS_ADDR")
}

// A server is a redis-server that one test starts and may break.
type server struct {
	addr   string
	args   []string
	client valkey.Client // of the test itself: see do
	cmd    *exec.Cmd     // nil if it does not run
}

func startServer(t testing.TB, args ...string) *server {
	t.Helper()
	s := newServer(t)
	s.args = append([]string{"--port", s.port(), "--bind", "127.0.0.1", "--dir", t.TempDir(), "--save", ""}, args...)
	s.start(t)
	return s
}

func newServer(t testing.TB) *server {
	t.Helper()
	s := &server{addr: freeAddr(t)}
	t.Cleanup(func() {
		if s.client != nil {
			s.client.Close()
		}
		s.kill(t)
	})
	return s
}

// start runs redis-server, also after a kill, and waits until it listens.
func (s *server) start(t testing.TB) {
	t.Helper()
	program := os.Getenv("TEST_REDIS_SERVER")
	if program == "" {
		program = "redis-server"
	}
	if _, err := exec.LookPath(program); err != nil {
		testserver.Missing(t, "no redis-server in TEST_REDIS_SERVER or PATH: run the tests by scripts/with-servers")
	}
	s.cmd = exec.Command(program, s.args...)
	var output bytes.Buffer
	s.cmd.Stdout, s.cmd.Stderr = &output, &output
	if err := s.cmd.Start(); err != nil {
		t.Fatalf("%v: %v", s.cmd, err)
	}
	eventually(t, "redis-server listens", func() bool {
		conn, err := net.Dial("tcp", s.addr)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	t.Cleanup(func() {
		if t.Failed() {
			s.kill(t) // so that nothing writes to output any more
			t.Logf("%v:\n%s", s.args, output.String())
		}
	})
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

func (s *server) pause(t testing.TB)  { s.signal(t, syscall.SIGSTOP) }
func (s *server) resume(t testing.TB) { s.signal(t, syscall.SIGCONT) }

func (s *server) signal(t testing.TB, signal syscall.Signal) {
	t.Helper()
	if err := s.cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
}

func (s *server) url() string { return "redis://" + s.addr }

func (s *server) port() string {
	_, port, _ := net.SplitHostPort(s.addr)
	return port
}

func (s *server) do(t testing.TB, command ...string) valkey.ValkeyResult {
	t.Helper()
	if s.client == nil {
		client, err := valkey.NewClient(valkey.ClientOption{InitAddress: []string{s.addr}, DisableCache: true, ForceSingleClient: true})
		if err != nil {
			t.Fatal(err)
		}
		s.client = client
	}
	result := s.client.Do(context.Background(), s.client.B().Arbitrary(command...).Build())
	if err := result.NonValkeyError(); err != nil {
		t.Fatalf("%v: %v", command[0], err)
	}
	return result
}

func (s *server) exists(t testing.TB, key string) bool {
	t.Helper()
	n, _ := s.do(t, "EXISTS", key).AsInt64()
	return n == 1
}

func (s *server) flush(t testing.TB) {
	t.Helper()
	s.do(t, "FLUSHALL")
}

// calls returns how often the server has executed a command.
func (s *server) calls(t testing.TB, command string) int {
	t.Helper()
	stats, _ := s.do(t, "INFO", "commandstats").ToString()
	_, line, _ := strings.Cut(stats, "cmdstat_"+command+":calls=")
	count, _, _ := strings.Cut(line, ",")
	n, _ := strconv.Atoi(count)
	return n
}

// commands returns the names of the commands that clients send during f, from MONITOR.
func (s *server) commands(t testing.TB, f func()) []string {
	t.Helper()
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	fmt.Fprint(conn, "MONITOR\r\n")
	read := make([]byte, 1<<16)
	conn.Read(read)

	f()
	end := rand.Text()
	s.do(t, "ECHO", end)
	var log strings.Builder
	for !strings.Contains(log.String(), end) {
		n, err := conn.Read(read)
		if err != nil {
			t.Fatal(err)
		}
		log.Write(read[:n])
	}

	var sent []string
	for line := range strings.Lines(log.String()) {
		from, command, _ := strings.Cut(line, "] ")
		name := strings.Trim(strings.Fields(command + ` ""`)[0], `"`)
		switch {
		case strings.HasSuffix(from, " lua"), strings.Contains(line, end):
		case strings.EqualFold(name, "hello"), strings.EqualFold(name, "client"):
			// Sent by a new connection of the client's pool.
		default:
			sent = append(sent, name)
		}
	}
	return sent
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

func open(t testing.TB, url string, opts ...redis.Option) *redis.Cache {
	t.Helper()
	c, err := redis.New(url, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func newKey(t testing.TB, c *redis.Cache) string {
	key := "test:" + rand.Text()
	t.Cleanup(func() { c.Delete(context.Background(), key) })
	return key
}

func add(t testing.TB, c *redis.Cache, key, value string) {
	t.Helper()
	if ok, err := c.Add(context.Background(), key, []byte(value), time.Hour); !ok || err != nil {
		t.Errorf("Add: %v, %v; want true", ok, err)
	}
}

func swap(t testing.TB, c *redis.Cache, key, old, new string) {
	t.Helper()
	if ok, err := c.CompareAndSwap(context.Background(), key, []byte(old), []byte(new), time.Hour); !ok || err != nil {
		t.Errorf("CompareAndSwap: %v, %v; want true", ok, err)
	}
}

func get(t testing.TB, c *redis.Cache, key string) string {
	t.Helper()
	value, _, err := c.Get(context.Background(), key)
	if err != nil {
		t.Errorf("Get: %v", err)
	}
	return string(value)
}

func number(t testing.TB, c *redis.Cache, key string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(get(t, c, key), 10, 64)
	if err != nil {
		t.Errorf("Get: not a number: %v", err)
	}
	return n
}

func remove(t testing.TB, c *redis.Cache, key string) {
	t.Helper()
	if err := c.Delete(context.Background(), key); err != nil {
		t.Errorf("Delete: %v", err)
	}
}

// eventually polls until the condition holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for !holds() {
		select {
		case <-poll.C:
		case <-deadline:
			t.Fatalf("not within 20 seconds: %s", what)
		}
	}
}
