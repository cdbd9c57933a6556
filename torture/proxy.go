package main

import (
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// A proxy stands between the workers and a server and does to their connections what networks do.
type proxy struct {
	net.Listener
	server string

	mu     sync.Mutex
	every  int // one chunk of so many is hit by a fault; 0 is none
	random *rand.Rand
}

// A fault is what happens to a chunk of bytes on its way.
type fault int

const (
	none      fault = iota
	delayed         // some milliseconds late
	cut             // the connection is closed before the chunk goes on
	swallowed       // the chunk goes on, and then the connection is closed: an answer is lost
	faults
)

// newProxy starts a proxy that injects nothing yet.
func newProxy(server string, seed uint64) (*proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &proxy{Listener: listener, server: server, random: rand.New(rand.NewPCG(seed, 1))}
	go p.serve()
	return p, nil
}

func (p *proxy) serve() {
	for {
		client, err := p.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.server)
		if err != nil {
			client.Close()
			continue
		}
		go p.pass(client, server)
		go p.pass(server, client)
	}
}

// inject has one chunk of so many be hit by a fault from now on.
func (p *proxy) inject(oneIn int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.every = oneIn
}

func (p *proxy) draw() (fault, time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.every == 0 || p.random.IntN(p.every) != 0 {
		return none, 0
	}
	return fault(1 + p.random.IntN(int(faults)-1)), time.Duration(p.random.IntN(20)) * time.Millisecond
}

// pass copies what one end sends to the other, until a fault or an end closes both.
func (p *proxy) pass(from, to net.Conn) {
	defer from.Close()
	defer to.Close()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		what, late := p.draw()
		if what == cut {
			return
		}
		if what == delayed {
			time.Sleep(late)
		}
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil || what == swallowed {
			return
		}
	}
}
