variable "instance_type" {
  type        = string
  default     = "t3.small"
  description = "The type of the instance in which it is made."
}

variable "security_groups" {
  type        = list(string)
  description = "The security groups of that instance, by their IDs; they must let this machine in by SSH."
}

variable "root_device" {
  type        = string
  default     = "/dev/xvda"
  description = "The root device of the base AMI."
}

variable "user" {
  type        = string
  default     = "admin"
  description = "Who comes in by SSH and may become root."
}

variable "key_pair" {
  type        = string
  description = "The key pair that lets this machine in, by its name."
}

variable "private_key_file" {
  type        = string
  description = "The file with its private key."
}

variable "ssh_interface" {
  type        = string
  default     = "private_ip"
  description = "By which address the instance is reached: private_ip, public_ip, private_dns, public_dns."
}

variable "ssh_host" {
  type        = string
  default     = ""
  description = "The address by which it is reached, whatever EC2 says; for a stand-in of EC2."
}
