package redis_test

import (
	"bytes"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// A forwarder forwards connections to a server that can be changed, like a host name or a virtual
// address that a failover moves. Open connections stay with the old server.
type forwarder struct {
	listener net.Listener
	mu       sync.Mutex
	target   string
	reset    string // see resetAt
	executed bool
	conns    []net.Conn
	running  sync.WaitGroup
}

func newForwarder(t *testing.T, target string) *forwarder {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &forwarder{listener: listener, target: target}
	f.running.Go(f.accept)
	t.Cleanup(f.close)
	return f
}

func (f *forwarder) url() string { return "redis://" + f.listener.Addr().String() }

func (f *forwarder) moveTo(target string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.target = target
}

func (f *forwarder) accept() {
	for {
		client, err := f.listener.Accept()
		if err != nil {
			return
		}
		f.mu.Lock()
		server, err := net.Dial("tcp", f.target)
		f.conns = append(f.conns, client)
		if err == nil {
			f.conns = append(f.conns, server)
		}
		f.mu.Unlock()
		if err != nil {
			client.Close()
			continue
		}
		lost := new(atomic.Bool)
		f.running.Go(func() { f.requests(server, client, lost) })
		f.running.Go(func() { answers(client, server, lost) })
	}
}

// resetAt resets, once, the connection that next sends the command. If executed is true, the server
// executes the command and only its answer is lost.
func (f *forwarder) resetAt(command string, executed bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reset, f.executed = command, executed
}

func (f *forwarder) requests(server, client net.Conn, lost *atomic.Bool) {
	defer server.Close()
	defer client.Close()
	data := make([]byte, 1<<16)
	for {
		n, err := client.Read(data)
		if err != nil {
			return
		}
		reset, executed := f.resets(data[:n])
		if reset && !executed {
			client.(*net.TCPConn).SetLinger(0)
			return
		}
		if reset {
			lost.Store(true)
		}
		server.Write(data[:n])
	}
}

// answers copies the server's answers to the client. It resets the connection to the client instead
// if the next answer must be lost.
func answers(client, server net.Conn, lost *atomic.Bool) {
	defer server.Close()
	defer client.Close()
	data := make([]byte, 1<<16)
	for {
		n, err := server.Read(data)
		if err != nil {
			return
		}
		if lost.Load() {
			client.(*net.TCPConn).SetLinger(0)
			return
		}
		client.Write(data[:n])
	}
}

func (f *forwarder) resets(request []byte) (reset, executed bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.reset == "" || !bytes.Contains(request, []byte("\r\n"+f.reset+"\r\n")) {
		return false, false
	}
	f.reset = ""
	return true, f.executed
}

func (f *forwarder) close() {
	f.listener.Close()
	f.mu.Lock()
	for _, conn := range f.conns {
		conn.Close()
	}
	f.mu.Unlock()
	f.running.Wait()
}
