package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A visitor is a client that has one session at a time, which several requests use at once, and knows what was
// acknowledged to them. Nothing of that is known to the workers.
type visitor struct {
	name    string
	workers []*worker
	client  *http.Client

	mu           sync.Mutex
	random       *rand.Rand
	session      string // its id
	cookie       string
	cookies      []string // all that the session has had
	operations   int
	acknowledged int
	unknown      int // of the increments: their answer was lost
	added        int // increments that were acknowledged
	set, nested  []string
	claims       int
	lostSignIn   bool // the answer to a sign-in, and with it the key, was lost
}

// An answer is what became of a request.
type answer int

const (
	acknowledged answer = iota
	refused             // an error that promises that nothing was saved
	lost                // the request may have been carried out or not
	elsewhere           // carried out, but for a session that the request has begun
)

// ask sends a request to some worker. A new cookie is kept only if the request is to have one.
func (v *visitor) ask(ctx context.Context, page, key string, renews bool) (answer, string) {
	v.mu.Lock()
	id := v.session
	w := v.workers[v.random.IntN(len(v.workers))]
	cookie := v.cookie
	v.operations++
	v.mu.Unlock()

	method := http.MethodPost
	if page == "/read" {
		method = http.MethodGet
	}
	a, body, set := v.send(ctx, method, "http://"+w.address+page+"?key="+url.QueryEscape(key), cookie)
	v.mu.Lock()
	defer v.mu.Unlock()
	if a != acknowledged {
		return a, ""
	}
	of, body, _ := strings.Cut(body, " ")
	if of != id && page != "/sign-out" {
		return elsewhere, ""
	}
	if renews && set != "" && set != cookie {
		v.cookie = set
		v.cookies = append(v.cookies, set)
	}
	v.acknowledged++
	return a, body
}

func (v *visitor) send(ctx context.Context, method, address, cookie string) (a answer, body, set string) {
	request, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil {
		panic(err)
	}
	if cookie != "" {
		request.AddCookie(&http.Cookie{Name: cookieName, Value: cookie})
	}
	response, err := v.client.Do(request)
	if err != nil {
		return lost, "", ""
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return lost, "", ""
	case response.StatusCode == http.StatusConflict:
		return refused, "", ""
	case response.StatusCode != http.StatusOK:
		return lost, "", ""
	}
	for _, c := range response.Cookies() {
		if c.Name == cookieName && c.MaxAge >= 0 && c.Value != "" {
			set = c.Value
		}
	}
	return acknowledged, string(content), set
}

const (
	hands      = 3  // requests of a visitor at once
	roundSteps = 10 // of each hand, in one session's life
)

// round is one session's life: it begins, its hands work on it, it is checked, and it ends.
func (v *visitor) round(ctx context.Context, number int) (found findings, ended []end) {
	id := fmt.Sprintf("%s.%d", v.name, number)
	v.session = id
	v.cookie, v.cookies, v.set, v.nested, v.added, v.unknown, v.claims, v.lostSignIn = "", nil, nil, nil, 0, 0, 0, false
	if a, _ := v.ask(ctx, "/begin", id, true); a != acknowledged {
		return found, nil
	}
	var group sync.WaitGroup
	for hand := range hands {
		group.Go(func() { v.work(ctx, hand) })
	}
	group.Wait()
	found = v.check(ctx)
	if found.lost > 0 {
		time.Sleep(time.Second)
		later := v.check(ctx)
		later.stale = found.lost - later.lost
		found = later
	}
	return found, v.end(ctx, id)
}

// work is what one hand does.
func (v *visitor) work(ctx context.Context, hand int) {
	for step := range roundSteps {
		key := keyOf(hand, step)
		v.mu.Lock()
		choice := v.random.IntN(10)
		v.mu.Unlock()
		switch {
		case choice < 3:
			v.note(ctx, "/add", "", func() { v.added++ }, func() { v.unknown++ })
		case choice < 6:
			v.note(ctx, "/set", key, func() { v.set = append(v.set, key) }, nil)
		case choice < 8:
			v.note(ctx, "/nest", key, func() { v.nested = append(v.nested, key) }, nil)
		case choice < 9:
			if a, body := v.ask(ctx, "/claim", "", false); a == acknowledged && body == "got" {
				v.mu.Lock()
				v.claims++
				v.mu.Unlock()
			}
		case hand == 0:
			if a, _ := v.ask(ctx, "/sign-in", "", true); a == lost {
				v.mu.Lock()
				v.lostSignIn = true
				v.mu.Unlock()
			}
		}
	}
}

func (v *visitor) note(ctx context.Context, page, key string, done, unsure func()) {
	a, _ := v.ask(ctx, page, key, false)
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case a == acknowledged:
		done()
	case a == lost && unsure != nil:
		unsure()
	}
}

// findings count what must not be.
type findings struct {
	lost, doubled, torn, revived int
	stale                        int // what was missing was there a second later
	unreachable                  int // sessions whose key was lost on its way to the visitor
}

func (f findings) broken() int { return f.lost + f.doubled + f.torn + f.revived }

func (f *findings) add(other findings) {
	f.lost += other.lost
	f.doubled += other.doubled
	f.torn += other.torn
	f.stale += other.stale
	f.revived += other.revived
	f.unreachable += other.unreachable
}

// check compares what the session holds with what was acknowledged.
func (v *visitor) check(ctx context.Context) (f findings) {
	keys := strings.Join(append(append([]string{"none"}, v.set...), v.nested...), ",")
	var fields []string
	for try := 0; len(fields) != 3; try++ {
		if try > 100 {
			return f // the store is out of reach
		}
		a, body := v.ask(ctx, "/read", keys, false)
		switch {
		case a == acknowledged:
			fields = strings.Split(body, " ")
		case a == elsewhere && v.lostSignIn:
			f.unreachable++ // nobody has been sent its key
			return f
		case a == elsewhere:
			f.lost++
			return f
		default:
			time.Sleep(20 * time.Millisecond)
		}
	}
	n, err := strconv.Atoi(fields[0])
	switch {
	case err != nil:
		f.torn++
	case n < v.added:
		f.lost += v.added - n
	case n > v.added+v.unknown:
		f.doubled += n - v.added - v.unknown
	}
	f.lost += missing(v.set, fields[1]) + missing(v.nested, fields[2])
	f.doubled += max(v.claims-1, 0)
	return f
}

func missing(keys []string, there string) (n int) {
	for _, key := range keys {
		if !strings.Contains(","+there+",", ","+key+",") {
			n++
		}
	}
	return n
}

// An end is a session whose end was acknowledged, with the cookies that it had.
type end struct {
	id      string
	cookies []string
}

// end signs out while requests of the session are still on their way.
func (v *visitor) end(ctx context.Context, id string) []end {
	var group sync.WaitGroup
	for hand := range hands {
		group.Go(func() {
			for range 3 {
				v.ask(ctx, []string{"/set", "/add", "/nest"}[hand%3], "late", false)
			}
		})
	}
	defer group.Wait()
	for range 100 {
		v.mu.Lock()
		cookies := v.cookies
		v.mu.Unlock()
		if a, _ := v.ask(ctx, "/sign-out", "", false); a == acknowledged {
			return []end{{id, cookies}}
		}
		if ctx.Err() != nil {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	return nil
}

// revived counts the sessions that somebody who kept a cookie can still use.
func (v *visitor) revived(ctx context.Context, ended []end) (n int) {
	for _, e := range ended {
		for _, cookie := range e.cookies {
			_, body, _ := v.send(ctx, http.MethodGet, "http://"+v.workers[0].address+"/read?key=none", cookie)
			if id, _, _ := strings.Cut(body, " "); id == e.id {
				n++
				break
			}
		}
	}
	return n
}
