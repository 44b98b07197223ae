# SPDX-License-Identifier: BSD-3-Clause
require_relative "lib"

class SipsakTest < InteropTest
  def setup
    skip "sipsak is not installed" unless tool?("sipsak")
    server.demo("alice").start
  end

  # -H: a machine need not be able to resolve its own name
  def sipsak(*args) = run_tool("sipsak", "-v", "-H", "127.0.0.1", *args)

  def test_options
    finished sipsak("-s", "sip:127.0.0.1:#{server.port}"), "OPTIONS"
  end

  def test_register
    finished sipsak("-U", "-C", "sip:alice@127.0.0.1:#{free_port}", "-x", 600, "-u", "alice", "-a", "secret-alice",
                    "-s", "sip:alice@127.0.0.1:#{server.port}"), "REGISTER"
    assert_equal 1, JSON.parse(tandem("bindings", "--json")).size
  end

  def test_wrong_password
    refute_equal 0, sipsak("-U", "-x", 600, "-u", "alice", "-a", "wrong", "-s",
                           "sip:alice@127.0.0.1:#{server.port}").ended
    assert_equal [], JSON.parse(tandem("bindings", "--json"))
  end
end
