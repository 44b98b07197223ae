# SPDX-License-Identifier: BSD-3-Clause
# A machine that loses its network, and one whose address changes: a namespace with a cable to us.
require "time"
require_relative "lib/tandem"
require_relative "lib/registrar"

class NetworkTest < FlowTest
  HERE = "10.213.77.1"
  THERE = "10.213.77.2"
  OTHER = "10.213.77.3"

  def server = @server ||= Tandem.new("sip" => { "listen" => ["udp:*:5060"], "workers" => 2 })
  def space = @space ||= "tandem#{Process.pid}"
  def cable = "t#{Process.pid}a"
  def registrar = @registrar ||= Registrar.new(expires: 3600, address: HERE)

  def ip(*args, inside: false)
    system("ip", *(inside ? ["-n", space] : []), *args, %i[out err] => File::NULL) or raise "ip #{args.join(" ")} fails"
  end

  def setup
    super
    skip "network namespaces are for root" unless Process.uid.zero?
    begin
      ip "netns", "add", space
    rescue RuntimeError
      skip "no network namespaces here"
    end
    ip "link", "add", cable, "type", "veth", "peer", "name", "up0", "netns", space
    ip "addr", "add", "#{HERE}/29", "dev", cable
    ip "link", "set", cable, "up"
    ip "link", "set", "lo", "up", inside: true
    ip "addr", "add", "#{THERE}/29", "dev", "up0", inside: true
    ip "link", "set", "up0", "up", inside: true
    ip "route", "add", "default", "via", HERE, inside: true
    server.serve_with = ["ip", "netns", "exec", space]
  end

  def teardown
    @registrar&.close
    super
    system("ip", "netns", "del", space, err: File::NULL) if @space
    system("ip", "link", "del", cable, err: File::NULL) if @space
  end

  def provide
    server.start
    server.demo
    tandem("provider", "add", "p", "--customer", "demo", "--server", "sip:#{HERE}:#{registrar.port}", "--username", "u",
           "--password-stdin", "--register", input: "secret\n")
  end

  def registration = JSON.parse(tandem("providers", "--json")).first || {}

  # It comes back before the time at which it would have tried anyway.
  def test_what_waits_goes_on_when_the_network_is_back
    ip "link", "set", "up0", "down", inside: true
    provide
    planned = eventually("it waits a while") { (r = registration)["next_try_s"].to_i > 12 && Time.parse(r["next_try"]) }
    registrar # listens; nothing comes
    ip "link", "set", "up0", "up", inside: true
    ip "route", "replace", "default", "via", HERE, inside: true
    eventually("it registers") { registration["state"] == "registered" }
    assert_operator Time.now, :<, planned
    assert_includes tandem("log", "kind=service.network"), "addresses or routes of this machine changed"
  end

  def test_another_address_is_registered_at_once
    provide
    eventually("it registers") { registration["state"] == "registered" }
    assert_includes registrar.log.last.contact, "@#{THERE}:5060"
    ip "addr", "add", "#{OTHER}/29", "dev", "up0", inside: true
    ip "addr", "del", "#{THERE}/29", "dev", "up0", inside: true
    ip "addr", "replace", "#{OTHER}/29", "dev", "up0", inside: true
    ip "route", "replace", "default", "via", HERE, inside: true
    eventually("the new one is registered") { registrar.log.last.contact.include?("@#{OTHER}:5060") }
    assert_equal "registered", registration["state"]
  end
end
