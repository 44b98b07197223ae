# SPDX-License-Identifier: BSD-3-Clause
# net/http, open-uri and timeout, over sys.WebGet: core fetches, under its limits. A dialplan can read
# pages and cannot send any.

module Timeout
  class Error < RuntimeError; end
  class ExitException < Error; end

  # What core does for the script (pages, sleep) ends in time; reckoning alone is not interrupted.
  def self.timeout(seconds, kind = Error)
    ends = seconds.to_f.positive? ? Tandem::Net.now + seconds.to_f : nil
    result = Tandem::Net.within(ends) { yield seconds }
    raise kind, 'execution expired' if ends && Tandem::Net.now > ends

    result
  end

  def timeout(*args, &block) = Timeout.timeout(*args, &block)
  private :timeout
end
TimeoutError = Timeout::Error

module Tandem
  module Net
    CLOCK = Process.method(:clock_gettime)
    SECONDS = 10
    @ends = nil

    class << self
      def now = CLOCK.call(Process::CLOCK_MONOTONIC)

      def within(ends)
        before = @ends
        @ends = [before, ends].compact.min
        yield
      ensure
        @ends = before
      end

      # nil when the page cannot be had
      def get(address, seconds = nil)
        TandemSandbox.sys.WebGet(address.to_s, [(left || seconds || SECONDS).ceil, 1].max)
      end

      # Seconds until the innermost Timeout.timeout ends
      def left
        return nil unless @ends

        rest = @ends - now
        raise Timeout::Error, 'execution expired' if rest <= 0

        rest
      end

      def sending = raise(NotImplementedError, 'a dialplan can only get pages: put what you send into the address of sys.WebGet')
    end
  end
end

module Net
  class ProtocolError < StandardError; end
  class HTTPError < ProtocolError; end
  class OpenTimeout < Timeout::Error; end
  class ReadTimeout < Timeout::Error; end

  class HTTPResponse
    attr_reader :body, :code, :message

    def initialize(body)
      @body = body
      @code = '200'
      @message = 'OK'
    end

    def [](_name) = nil
    def read_body = block_given? ? yield(@body) : @body
    def value = nil
    def entity = @body
    def each_header; end
    alias to_s body
    alias msg message
  end
  class HTTPSuccess < HTTPResponse; end
  class HTTPOK < HTTPSuccess; end
  class HTTPRedirection < HTTPResponse; end

  class HTTPRequest
    attr_reader :path
    attr_accessor :body

    def initialize(path, headers = nil)
      @path = path.to_s
      @headers = headers || {}
    end

    def []=(name, value)
      @headers[name] = value
    end
    def [](name) = @headers[name]
    def basic_auth(user, password) = @user = [user, password]
    attr_reader :user
    def set_form_data(*) = Tandem::Net.sending
    alias add_field []=
    alias form_data= set_form_data
  end

  class HTTP
    class Get < HTTPRequest; end
    class Head < HTTPRequest; end
    class Post < HTTPRequest; end
    class Put < HTTPRequest; end
    class Delete < HTTPRequest; end

    attr_accessor :open_timeout, :read_timeout, :use_ssl, :verify_mode, :ca_file
    attr_reader :address, :port

    class << self
      def get(uri, path = nil, port = nil) = get_response(uri, path, port).body
      def get_print(*where) = $stdout.print(get(*where))
      def version_1_2 = true
      def Proxy(*) = self
      def post_form(*) = Tandem::Net.sending
      alias post post_form

      def get_response(uri, path = nil, port = nil)
        return new(uri.to_s, port).request_get(path) if path

        answer(uri)
      end

      def start(host, port = nil, *, **options)
        http = new(host, port)
        http.use_ssl = options[:use_ssl]
        block_given? ? yield(http) : http
      end

      def answer(address, seconds = nil)
        page = Tandem::Net.get(address, seconds)
        raise HTTPError, "#{address} could not be fetched" if page.nil?

        HTTPOK.new(page.to_s)
      end
    end

    def initialize(address, port = nil, *)
      @address = address.to_s
      @port = (port || 80).to_i
      @use_ssl = @port == 443
    end

    def start = block_given? ? yield(self) : self
    def finish = nil
    def started? = true
    def use_ssl? = @use_ssl
    def get(path, _headers = nil) = HTTP.answer(full(path), @read_timeout)
    def post(*) = Tandem::Net.sending
    alias request_get get
    alias get2 get
    alias post2 post
    alias head get
    alias set_debug_output finish

    def request(request, body = nil)
      Tandem::Net.sending if body || request.body || !request.is_a?(Get)
      HTTP.answer(full(request.path, request.user), @read_timeout)
    end

    private

    def full(path, user = nil)
      who = user ? "#{user.map { |part| URI.encode_www_form_component(part) }.join(':')}@" : ''
      port = @port == (@use_ssl ? 443 : 80) ? '' : ":#{@port}"
      "http#{'s' if @use_ssl}://#{who}#{@address}#{port}#{path.to_s.start_with?('/') ? '' : '/'}#{path}"
    end
  end
  HTTPSession = HTTP
end

# open-uri
module URI
  def self.escape(text, unsafe = nil) = Tandem::ESCAPER.escape(*[text.to_s, unsafe].compact)
  def self.unescape(text) = Tandem::ESCAPER.unescape(text.to_s)
  singleton_class.alias_method :encode, :escape
  singleton_class.alias_method :decode, :unescape

  def self.open(address, *) = Tandem.page(address) { |io| block_given? ? yield(io) : io }

  class HTTP
    def open(*, &block) = URI.open(to_s, &block)
    def read(*) = URI.open(to_s).read
  end
end

module OpenURI
  class HTTPError < StandardError; end
end

module Tandem
  ESCAPER = URI::RFC2396_Parser.new

  def self.page(address)
    page = Net.get(address) or raise OpenURI::HTTPError, "#{address} could not be fetched"
    yield StringIO.new(page.to_s)
  end
end
