// Package gincontrib lets a program that uses github.com/gin-contrib/sessions keep its handlers, and
// have ginsession under them. Only the middleware changes.
//
// Before:
//
//	store := cookie.NewStore([]byte("secret"))
//	r.Use(sessions.Sessions("mysession", store))
//
// After:
//
//	m, err := ginsession.NewManager(ginsession.Config{
//		Engine:     ginsession.DB(db),
//		Serializer: ginsession.Gob, // values keep their Go types
//		SecretKey:  os.Getenv("SECRET_KEY"),
//	})
//	r.Use(gincontrib.Sessions(m))
//
// Handlers, and libraries that call sessions.Default(c), stay as they are:
//
//	session := sessions.Default(c)
//	session.Set("user", User{Name: "Ann"})
//	session.Save()
//
// New handlers may use ginsession.Get(c), which is the same session. sessions.SessionsMany becomes
// [SessionsMany], with a manager for each name. Libraries that want a Store of gorilla/sessions, such as
// gothic, get one from [NewStore].
//
// Sessions of the old store are not taken over: visitors sign in again.
//
// # The serializer
//
// Give the manager [ginsession.Gob]. With it a value comes back with the type that it was set
// with, and types of your own are registered with gob.Register, as they had to be before. The default
// serializer, ginsession.JSON, returns whole numbers as int64 and structs as maps, and refuses text that
// is not UTF-8, which gothic stores.
//
// # What changes
//
//   - Changes are saved before the response's first byte, also without Save, unless the response is a
//     500 or a handler panics. Save tells the handler whether it worked.
//   - Save writes only what the request has changed. Requests of one visitor that run at the same time
//     lose nothing of each other's, and none revives a session that has ended: its Save returns
//     ginsession.ErrInterrupted.
//   - Nothing is stored, and no cookie sent, for a session that is new and empty.
//   - A store that fails answers the request with 503; the session is never silently an empty one.
//   - Flashes are taken from the store at once, without Save: one of several requests gets them.
//   - Clear empties the session and does not end it. Keys of ginsession itself, which begin with
//     "_session_", stay: the owner of [ginsession.Session.SignIn] too. Sign out with Options(sessions.Options{MaxAge:
//     -1}) or [ginsession.Session.Flush]: both end the session on the server at once, and a copied
//     cookie with it.
//   - Options sets the life of the session, which stays with it, and the attributes of this response's
//     cookie. What is zero is as in the Config, so that Options{MaxAge: 3600} does not lose HttpOnly;
//     to turn an attribute off, use the Config or ginsession's CookieAttributes.
//   - A Path or Domain in Options is not kept. Give them in the Config, or at each change and at the
//     sign-out: browsers delete a cookie only at the Path and Domain that it was set with.
//   - ID is the session's key, which the cookie carries. Do not log it; [ginsession.Session.ID] is fit for that.
//   - A key that is not a string must be a number, a boolean or a type made of one or of a string. The
//     session holds it under "_gob:" and the base64 of its gob encoding.
//   - The cookie has the name, the life and the attributes of the Config: by default "sessionid", two
//     weeks, HttpOnly, SameSite=Lax.
package gincontrib
