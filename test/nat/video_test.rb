# SPDX-License-Identifier: BSD-3-Clause
# Video is added in mid-call, by either side, between two phones behind routers of their own: each media packet that
# is sent to the address of the last session description arrives, at the phone and nowhere else. (baresip of Debian has no
# video codec: these phones are ours, their packets, routers and namespaces real.)
require_relative "../flow/lib/tandem"
require_relative "../flow/lib/sip"
require_relative "lab"

# A phone within a namespace, which knows nothing of the router in front of it.
class LabPhone < Phone
  AUDIO, VIDEO = 20_000, 20_010
  PACKETS = 20

  def initialize(lab, space, own, server)
    @own = own
    lab.within(space) do
      super(space, server, host: Lab::SERVER, from: own)
      @media = [AUDIO, VIDEO].to_h { |port| [port, UDPSocket.new.tap { |s| s.bind(own, port) }] }
    end
  end

  def host_text = @own

  def sdp(*ports)
    lines = { AUDIO => "m=audio #{AUDIO} RTP/AVP 0", VIDEO => "m=video #{VIDEO} RTP/AVP 34" }
    ["v=0", "o=- 1 1 IN IP4 #{@own}", "s=-", "c=IN IP4 #{@own}", "t=0 0", *ports.map { |p| lines.fetch(p) }, ""].join("\r\n")
  end

  # To where the other side's description says.
  def send_media(sdp)
    address = sdp[/^c=IN IP4 (\S+)/, 1]
    sdp.scan(/^m=(audio|video) (\d+)/) do |type, port|
      @media[type == "audio" ? AUDIO : VIDEO].send("x" * 172, 0, address, port.to_i)
    end
  end

  # How many packets came, by port.
  def heard
    @media.transform_values do |socket|
      count = 0
      count += 1 while socket.recv_nonblock(2000, exception: false) != :wait_readable
      count
    end
  end

  def close
    super
    @media.each_value(&:close)
  end
end

class VideoTest < FlowTest
  AUDIO, VIDEO = LabPhone::AUDIO, LabPhone::VIDEO
  SDP = ["Content-Type: application/sdp"].freeze

  def options = { "sip" => { "listen" => ["udp:*:5060"] }, "log" => { "level.call" => "debug" } }

  def setup
    super
    skip "network namespaces are for root" unless Process.uid.zero?
    skip "nft is not installed" unless system("which", "nft", out: File::NULL)
    begin
      @lab = Lab.new
    rescue RuntimeError, Errno::ENOENT => e
      skip "no network namespaces with nftables here: #{e.message.lines.first}"
    end
    server.serve_with = @lab.inside("server")
    server.demo("ann", "ben")
    server.start
    @ann, @ben = %w[ann ben].map do |user|
      @lab.home("h#{user}", :port)
      LabPhone.new(@lab, user, @lab.behind(user, "h#{user}"), 5060).tap(&:register)
    end
  end

  def teardown
    [@ann, @ben].compact.each(&:close)
    super
    @lab&.close
  end

  # to_ann: the description that says where ann is, as ben got it.
  # A round of packets from both to both, until each has what the other sent in one: the first may find routers closed.
  def hear(to_ann, to_ben, ports)
    eventually("media both ways on #{ports}", 10) do
      [@ann, @ben].each(&:heard)
      LabPhone::PACKETS.times do
        @ann.send_media(to_ben)
        @ben.send_media(to_ann)
        sleep 0.005
      end
      sleep 0.1
      [@ann, @ben].map(&:heard).all? { |h| ports.all? { |p| h[p] >= LabPhone::PACKETS / 2 } && (h.keys - ports).all? { |p| h[p].zero? } }
    end
    assert_equal 0, @lab.rtp("server"), "no media at the server"
  end

  # Both: [what the one who is asked gets, what the asking one gets].
  def offer(asking, asked, asked_ports, answer_ports, uri, **dialog)
    got = nil
    thread = Thread.new do
      got = asked.expect_request("INVITE")
      asked.answer(got, 200, "OK", headers: SDP, body: asked.sdp(*answer_ports))
      asked.expect_request("ACK")
    end
    ok = asking.ask("INVITE", uri, body: asking.sdp(*asked_ports), headers: SDP, **dialog)
    assert_equal 200, ok.status, ok.to_s
    @ack = ok
    asking.acknowledge(ok, uri, to: dialog.fetch(:to, uri))
    thread.join
    [got, ok]
  end

  def tag(value) = value[/tag=([^;]*)/, 1]

  def test_video_added_by_either_side
    invite, ok = offer(@ann, @ben, [AUDIO], [AUDIO], "sip:ben@example.test")
    hear(invite.body, ok.body, [AUDIO])
    again, answered = offer(@ann, @ben, [AUDIO, VIDEO], [AUDIO, VIDEO], ok["Contact"][/<([^>]*)>/, 1],
                            to: "sip:ben@example.test", to_tag: tag(ok["To"]))
    refute_match(/192\.168/, again.body.lines.grep(/^c=/).join)
    refute_match(/192\.168/, answered.body.lines.grep(/^c=/).join)
    hear(again.body, answered.body, [AUDIO, VIDEO])
  end

  # By who was called: the offer goes the other way.
  def test_video_added_by_the_callee
    invite, ok = offer(@ann, @ben, [AUDIO], [AUDIO], "sip:ben@example.test")
    hear(invite.body, ok.body, [AUDIO])
    again, answered = offer(@ben, @ann, [AUDIO, VIDEO], [AUDIO, VIDEO], invite["Contact"][/<([^>]*)>/, 1],
                            to: invite["From"][/<([^>]*)>/, 1], to_tag: tag(invite["From"]), call_id: invite["Call-ID"])
    hear(answered.body, again.body, [AUDIO, VIDEO])
  end
end
