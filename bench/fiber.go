package main

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/session"
	"github.com/valyala/fasthttp"
)

// This file has Fiber, which is no net/http: its sites are reached through fasthttp's context.

func bareFiber() subject {
	return subject{"bare fiber v3", floor, func(e *environment) (*instance, error) {
		app := fiber.New()
		app.Get(idlePath, func(c fiber.Ctx) error { return c.JSON(idleAnswer{OK: true}) })
		s := fiberSite{handler: app.Handler()}
		for range baseRows {
			s.cookies = append(s.cookies, "session_id="+cookieKey(0))
		}
		return workers(baseRows, s.worker, e.close), nil
	}}
}

// fiberMemory is a site on Fiber's session middleware with its default store.
func fiberMemory() subject {
	return subject{"fiber v3 memory", peer, func(e *environment) (*instance, error) {
		s := fiberSite{handler: fiberApp(e.content.sessions(baseRows)).Handler()}
		ctx := new(fasthttp.RequestCtx)
		visit := s.workerWith(ctx, create)
		for i := range e.signIns() {
			if err := visit(i); err != nil {
				return nil, err
			}
			var cookie fasthttp.Cookie
			cookie.SetKey("session_id")
			if !ctx.Response.Header.Cookie(&cookie) {
				return nil, errors.New("fiber set no cookie")
			}
			s.cookies = append(s.cookies, "session_id="+string(cookie.Value()))
		}
		return workers(len(s.cookies), s.worker, e.close), nil
	}}
}

func fiberApp(all [][]pair) *fiber.App {
	app := fiber.New()
	app.Use(session.New())
	app.Get(idlePath, func(c fiber.Ctx) error { return c.JSON(idleAnswer{OK: true}) })
	app.Get(readPath, func(c fiber.Ctx) error {
		s := session.FromContext(c)
		user, _ := s.Get("user").(string)
		visits, _ := s.Get("visits").(int)
		if visits < firstCount {
			user = ""
		}
		return c.SendString(user)
	})
	app.Post(writePath, func(c fiber.Ctx) error {
		s := session.FromContext(c)
		visits, _ := s.Get("visits").(int)
		s.Set("visits", visits+1)
		if visits < firstCount {
			return fiber.ErrInternalServerError
		}
		return c.SendString("ok")
	})
	app.Post(createPath, func(c fiber.Ctx) error {
		s := session.FromContext(c)
		i, _ := strconv.Atoi(c.Get(numberName))
		for _, p := range all[i] {
			s.Set(p.key, p.value)
		}
		return c.SendString("ok")
	})
	return app
}

type fiberSite struct {
	handler fasthttp.RequestHandler
	cookies []string
}

func (s *fiberSite) worker(op operation) worker {
	return s.workerWith(new(fasthttp.RequestCtx), op)
}

func (s *fiberSite) workerWith(ctx *fasthttp.RequestCtx, op operation) worker {
	header := &ctx.Request.Header
	header.SetMethod(method(op))
	header.SetHost("localhost")
	ctx.Request.SetRequestURI(paths[op])
	return func(i int) error {
		header.DelAllCookies() // Fiber sets the session's on the request too
		switch op {
		case untouched, read, write:
			header.Set("Cookie", s.cookies[i])
		case create:
			header.Set(numberName, strconv.Itoa(i))
		}
		ctx.ResetUserValues()
		ctx.Response.Reset()
		s.handler(ctx)
		if body := ctx.Response.Body(); ctx.Response.StatusCode() != http.StatusOK || len(body) == 0 || op == read && string(body) != userName(i) {
			return fmt.Errorf("session %d: the answer is %d %q", i, ctx.Response.StatusCode(), body)
		}
		return nil
	}
}
