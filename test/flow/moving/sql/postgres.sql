--
-- PostgreSQL database dump
--
SET standard_conforming_strings = on;
COPY public.customers (id, customerusername, customerpassword, suspended) FROM stdin;
1	peter-p	peters-word	f
\.

COPY public.sipdialplans (owner, dialplanname, dialplanscript, scripttypedescription) FROM stdin;
peter-p	default	sys.Log("a\tb")\nsys.Dial("x\\\\d")\n	Ruby
\.
INSERT INTO sipdomains (id, domain, aliaslist, owner) VALUES ('1', 'pg.example.org', NULL, NULL);
INSERT INTO "public"."sipaccounts" (owner, sipusername, sippassword, sipdomain) VALUES ('peter-p', 'peter', 'back\slash', 'pg.example.org');
