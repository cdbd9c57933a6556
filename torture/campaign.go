package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/go-sql-driver/mysql"
)

// A campaign is what the command line asks for.
type campaign struct {
	engine             string
	duration           time.Duration
	seed               uint64
	processes, clients int
	out                io.Writer
}

// A result is what a subject did.
type result struct {
	findings
	operations, acknowledged int
}

// oneIn is how many chunks pass a proxy for each that is hit by a fault.
const oneIn = 200

// torture runs the clients against a subject's workers.
func (c *campaign) torture(ctx context.Context, s subject) (r result, err error) {
	dir, err := os.MkdirTemp("", "torture")
	if err != nil {
		return r, err
	}
	defer os.RemoveAll(dir)
	reached, proxies, err := c.stores(s, dir)
	defer func() {
		for _, p := range proxies {
			p.Close()
		}
	}()
	if err != nil {
		return r, err
	}
	processes := c.processes
	if !s.processes {
		processes = 1
	}
	var workers []*worker
	defer func() {
		for _, w := range workers {
			w.kill()
		}
	}()
	for range processes {
		w, err := startWorker(orders{Subject: s.name, Stores: reached})
		if err != nil {
			return r, err
		}
		workers = append(workers, w)
	}
	for _, p := range proxies {
		p.inject(oneIn)
	}

	running, stop := context.WithTimeout(ctx, c.duration)
	defer stop()
	var killer sync.WaitGroup
	if s.processes {
		killer.Go(func() { err = killSome(running, workers, c.seed) })
	}
	visitors, ended := c.visit(running, workers, &r)
	killer.Wait()
	if err != nil {
		return r, err
	}
	for _, p := range proxies {
		p.inject(0)
	}
	time.Sleep(time.Second) // for what is still on its way, and for near copies to be invalidated
	r.revived += visitors[0].revived(ctx, ended)
	return r, nil
}

// visit has the visitors live one session after the other.
func (c *campaign) visit(ctx context.Context, workers []*worker, r *result) (visitors []*visitor, ended []end) {
	client := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	var group sync.WaitGroup
	var mu sync.Mutex
	for i := range c.clients {
		v := &visitor{name: fmt.Sprintf("v%d", i), workers: workers, client: client, random: rand.New(rand.NewPCG(c.seed, uint64(i)))}
		visitors = append(visitors, v)
		group.Go(func() {
			for number := 0; ctx.Err() == nil; number++ {
				// What has begun is carried on, so that it can be judged.
				found, over := v.round(context.WithoutCancel(ctx), number)
				mu.Lock()
				r.add(found)
				ended = append(ended, over...)
				mu.Unlock()
			}
		})
	}
	group.Wait()
	for _, v := range visitors {
		r.operations += v.operations
		r.acknowledged += v.acknowledged
	}
	return visitors, ended
}

// killSome kills a worker every second and starts it again.
func killSome(ctx context.Context, workers []*worker, seed uint64) error {
	random := rand.New(rand.NewPCG(seed, 2))
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Second):
		}
		w := workers[random.IntN(len(workers))]
		w.kill()
		if err := w.start(); err != nil { // the proxy may have cut it off: once more
			if err = w.start(); err != nil {
				return err
			}
		}
	}
}

// stores puts a proxy before each server that the subject needs.
func (c *campaign) stores(s subject, dir string) (reached stores, proxies []*proxy, err error) {
	reached.Dir = dir
	through := func(server string) string {
		p, e := newProxy(server, c.seed)
		if e != nil {
			err = e
			return ""
		}
		proxies = append(proxies, p)
		return p.Addr().String()
	}
	if slices.Contains(s.needs, "TEST_POSTGRES_DSN") {
		u, e := url.Parse(os.Getenv("TEST_POSTGRES_DSN"))
		if e != nil {
			return reached, nil, e
		}
		u.Host = through(u.Host)
		reached.Postgres = u.String()
	}
	if slices.Contains(s.needs, "TEST_MYSQL_DSN") {
		config, e := mysql.ParseDSN(os.Getenv("TEST_MYSQL_DSN"))
		if e != nil {
			return reached, nil, e
		}
		config.Addr = through(config.Addr)
		reached.MySQL = config.FormatDSN()
	}
	if slices.Contains(s.needs, "TEST_REDIS_ADDR") {
		reached.Redis = through(os.Getenv("TEST_REDIS_ADDR"))
	}
	if slices.Contains(s.needs, "TEST_MEMCACHED_ADDR") {
		reached.Memcached = through(os.Getenv("TEST_MEMCACHED_ADDR"))
	}
	return reached, proxies, err
}
